"""Images as arrays (`keras.preprocessing.image`)."""

from minidl.utils.images import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]


def __getattr__(name: str) -> None:
    if name == "ImageDataGenerator":
        raise ImportError(
            "keras.preprocessing.image.ImageDataGenerator is no longer there; use image_dataset_from_directory(folder) "
            "and the layers RandomFlip, RandomRotation and RandomTranslation in the model instead."
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
