"""What a launch is made of: its threads, the masks over them, arrays, and the values that are no numbers."""
from .lanes import Lanes
from .masks import WARP, Mask
from .memory import STATIC_SHARED, Allocation, Value, View, bind_arrays, c_strides, dynamic_size, pick, place_of
from .objects import (
    NAMED,
    Choice,
    Dim3,
    Flat,
    GridGroup,
    Items,
    Iterator,
    Member,
    Mixed,
    Vector,
    kind_of,
    name_of,
    refusal,
)
from .threads import Threads, linear, split

__all__ = [
    "Allocation", "Choice", "Dim3", "Flat", "GridGroup", "Items", "Iterator", "Lanes", "Mask", "Member", "Mixed",
    "NAMED", "Vector",
    "STATIC_SHARED", "Threads", "Value", "View", "WARP", "bind_arrays", "c_strides", "dynamic_size", "kind_of",
    "linear", "name_of", "pick", "place_of", "refusal", "split",
]
