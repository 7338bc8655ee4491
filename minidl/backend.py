"""`import minidl.backend as K`: the door to Keras' module of this name, which is `minidl/keras/backend.py`."""

import sys

from minidl.keras import backend

sys.modules[__name__] = backend
