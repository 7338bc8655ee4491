"""Tools to test an op: public, because students use them on their own ops."""

from minidl.testing.gradients import GradientError, check_gradients, numerical_gradient

__all__ = ["GradientError", "check_gradients", "numerical_gradient"]
