"""Data sets with Keras' names and shapes: `load_data()` returns `(x_train, y_train), (x_test, y_test)`.

`digits` and `mnist_small` ship with minidl. The others are read from `path=`, from Keras' cache (`~/.keras/datasets` or
`$KERAS_HOME/datasets`), from minidl's (`$MINIDL_HOME/datasets`), and are downloaded only where none has them.
"""

from minidl.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    imdb,
    mnist,
    mnist_small,
    reuters,
    spoken_digits,
)  # fmt: skip

__all__ = [
    "boston_housing", "california_housing", "cifar10", "cifar100", "digits", "fashion_mnist", "imdb", "mnist",
    "mnist_small", "reuters", "spoken_digits",
]  # fmt: skip
