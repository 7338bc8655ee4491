"""What tutorials import from Keras' old preprocessing module says what to use."""

import pytest


def test_image_data_generator_says_what_to_use_instead():
    with pytest.raises(ImportError, match="image_dataset_from_directory.*RandomFlip"):
        from minidl.preprocessing.image import ImageDataGenerator  # noqa: F401
