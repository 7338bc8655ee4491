"""`from minidl.preprocessing.image import load_img`: the door to Keras' module, `minidl/keras/preprocessing.py`."""

import sys

from minidl.keras import preprocessing

for _name, _module in (("", preprocessing), (".image", preprocessing.image), (".sequence", preprocessing.sequence)):
    sys.modules[__name__ + _name] = _module
