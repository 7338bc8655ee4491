from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minidl.data import as_dataset
from minidl.errors import ArgumentError, DataError, FileFormatError, ShapeError, UnknownNameError
from minidl.preprocessing import image_dataset_from_directory
from minidl.preprocessing.image import array_to_img, img_to_array, load_img, save_img


def colors(height=6, width=9, channels=3, start=0):
    return ((np.arange(height * width * channels) * 7 + start) % 256).astype(np.uint8).reshape(height, width, channels)


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(colors()).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


# ------------------------------------------------------------------------------------ single images


def test_load_img_and_img_to_array_give_the_pixels(picture):
    x = img_to_array(load_img(picture))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, colors())


@pytest.mark.parametrize(("mode", "channels"), [("rgb", 3), ("rgba", 4), ("grayscale", 1)])
def test_load_img_converts_colors(picture, mode, channels):
    assert img_to_array(load_img(picture, color_mode=mode)).shape == (6, 9, channels)


def test_load_img_resizes_to_height_and_width(picture):
    x = img_to_array(load_img(picture, target_size=(12, 27)))
    np.testing.assert_array_equal(x, colors().repeat(2, axis=0).repeat(3, axis=1))


def test_load_img_keeps_the_aspect_ratio_by_cutting_the_middle_out(picture):
    x = img_to_array(load_img(picture, target_size=(6, 6), keep_aspect_ratio=True))
    np.testing.assert_array_equal(x, colors()[:, 1:7])
    x = img_to_array(load_img(picture, target_size=(2, 9), keep_aspect_ratio=True))
    np.testing.assert_array_equal(x, colors()[2:4])


def test_load_img_says_what_is_wrong(picture, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown color_mode: 'rbg'. Did you mean 'rgb'"):
        load_img(picture, color_mode="rbg")
    with pytest.raises(UnknownNameError, match="unknown interpolation: 'linear'. Did you mean 'bilinear'"):
        load_img(picture, interpolation="linear")
    with pytest.raises(FileNotFoundError):
        load_img(tmp_path / "none.png")
    raw = picture.read_bytes()
    for damaged in (b"", b"not an image", raw[: len(raw) // 2]):
        picture.write_bytes(damaged)
        with pytest.raises(FileFormatError, match="picture.png: is no readable image"):
            load_img(picture)


def test_img_to_array_takes_dtype_and_gray_arrays(picture):
    assert img_to_array(load_img(picture), dtype="uint8").dtype == np.uint8
    assert img_to_array(np.zeros((4, 5))).shape == (4, 5, 1)
    with pytest.raises(ShapeError, match=r"Got \(2, 4, 5, 3\). Is it a batch"):
        img_to_array(np.zeros((2, 4, 5, 3)))
    with pytest.raises(ArgumentError, match="data_format must be 'channels_last'"):
        img_to_array(np.zeros((4, 5)), data_format="channels_first")


def test_array_to_img_scales_to_the_whole_range():
    x = np.array([[[-1.0], [0.0], [3.0]]])
    assert np.asarray(array_to_img(x)).tolist() == [[0, 63, 255]]
    assert np.asarray(array_to_img(np.full((1, 2, 1), 5.0))).tolist() == [[0, 0]]
    np.testing.assert_array_equal(np.asarray(array_to_img(colors(), scale=False)), colors())
    np.testing.assert_array_equal(np.asarray(array_to_img(colors(channels=4), scale=False)), colors(channels=4))
    with pytest.raises(ShapeError, match=r"1, 3 or 4 channels. Got \(4, 5\)"):
        array_to_img(np.zeros((4, 5)))


def test_save_img_writes_what_load_img_reads(tmp_path):
    save_img(tmp_path / "a.png", colors(), scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(tmp_path / "a.png")), colors())
    save_img(tmp_path / "b.jpg", colors(channels=4), scale=False)
    assert load_img(tmp_path / "b.jpg").size == (9, 6)


# ------------------------------------------------------------------------------------ folders


@pytest.fixture
def folder(tmp_path):
    """7 cats and 5 dogs; the gray value of each image tells its number."""
    for name, numbers in (("dog", range(100, 105)), ("cat", range(7))):
        (tmp_path / "pets" / name / "more").mkdir(parents=True)
        for number in numbers:
            place = "more" if number == 6 else "."
            pixels = np.full((4, 6), number, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / place / f"{number:03}.png")
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "pets" / ".hidden").mkdir()
    return tmp_path / "pets"


def dataset(folder, **arguments):
    defaults = {"image_size": (4, 6), "color_mode": "grayscale", "batch_size": 5, "verbose": False}
    return image_dataset_from_directory(folder, **{**defaults, **arguments})


def numbers_of(data):
    return [int(image[0, 0, 0]) for images, _labels in data for image in images]


def test_folder_infers_labels_from_sorted_subfolders(folder):
    data = dataset(folder, shuffle=False)
    assert data.class_names == ["cat", "dog"]
    assert len(data) == 3
    assert numbers_of(data) == [*range(7), *range(100, 105)]
    assert np.concatenate([labels for _, labels in data]).tolist() == [0] * 7 + [1] * 5
    images, labels = data[0]
    assert (images.shape, images.dtype, labels.dtype) == ((5, 4, 6, 1), np.float32, np.int32)
    assert len(data.file_paths) == 12
    with pytest.raises(IndexError, match="there are 3 batches. Got index 3"):
        data[3]


@pytest.mark.parametrize(
    ("label_mode", "expected", "dtype"),
    [("categorical", [[1, 0]], np.float32), ("binary", [[0]], np.float32), ("int", [0], np.int32)],
)
def test_folder_gives_labels_in_the_form_asked_for(folder, label_mode, expected, dtype):
    _, labels = dataset(folder, shuffle=False, label_mode=label_mode, batch_size=1)[0]
    assert labels.tolist() == expected
    assert labels.dtype == dtype


def test_folder_without_labels_gives_images_alone(folder):
    images = dataset(folder, labels=None, label_mode=None, shuffle=False, batch_size=None)[0]
    assert images.shape == (12, 4, 6, 1)


def test_folder_takes_given_labels_and_class_names(folder):
    data = dataset(folder, labels=list(range(12)), shuffle=False)
    assert np.concatenate([labels for _, labels in data]).tolist() == list(range(12))
    data = dataset(folder, class_names=["dog", "cat"], shuffle=False)
    assert numbers_of(data)[:2] == [100, 101]


def test_folder_shuffles_anew_every_epoch_and_the_same_way_every_run(folder):
    def three_epochs(seed):
        data = dataset(folder, seed=seed)
        orders = []
        for _ in range(3):
            orders.append(tuple(numbers_of(data)))
            data.on_epoch_end()
        return orders

    orders = three_epochs(4)
    assert len(set(orders)) == 3
    assert {tuple(sorted(order)) for order in orders} == {(*range(7), *range(100, 105))}
    assert three_epochs(4) == orders != three_epochs(5)
    for images, labels in dataset(folder, seed=4):
        np.testing.assert_array_equal(images[:, 0, 0, 0] >= 100, labels)


@pytest.mark.parametrize("shuffle", [True, False])
def test_folder_splits_without_overlap(folder, shuffle):
    arguments = {"validation_split": 0.25, "seed": 3, "shuffle": shuffle}
    train = dataset(folder, subset="training", **arguments)
    validation = dataset(folder, subset="validation", **arguments)
    assert (len(train.file_paths), len(validation.file_paths)) == (9, 3)
    assert len({*train.file_paths, *validation.file_paths}) == 12
    both = dataset(folder, subset="both", **arguments)
    assert [part.file_paths for part in both] == [train.file_paths, validation.file_paths]
    if not shuffle:
        assert numbers_of(validation) == [102, 103, 104]


def test_folder_can_be_trained_on(folder):
    data = as_dataset(dataset(folder, seed=1))
    for epoch in range(2):
        batches = list(data.epoch(epoch))
        assert sorted(len(x) for x, _, _ in batches) == [2, 5, 5]
        for x, y, _ in batches:
            np.testing.assert_array_equal(x[:, 0, 0, 0] >= 100, y)


def test_folder_says_how_many_files_it_found(folder, capsys):
    dataset(folder, verbose=True, validation_split=0.25, subset="both", seed=1)
    out = capsys.readouterr().out
    assert "Found 12 files belonging to 2 classes." in out
    assert "Using 9 files for training. Using 3 files for validation." in out


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"labels": "guess"}, ArgumentError, "labels must be 'inferred'"),
        ({"labels": [0, 1]}, DataError, r"labels need one number per file: 12. Got shape \(2,\)"),
        ({"label_mode": "integer"}, UnknownNameError, "unknown label_mode: 'integer'. Did you mean 'int'"),
        ({"class_names": ["cat", "cow"]}, ArgumentError, r"There are \['cat', 'dog'\]"),
        ({"class_names": ["cat"], "label_mode": "binary"}, ArgumentError, "needs 2 classes. Got 1"),
        ({"validation_split": 0.2}, ArgumentError, "validation_split and subset go together"),
        ({"subset": "training"}, ArgumentError, "validation_split and subset go together"),
        ({"validation_split": 0.2, "subset": "training"}, ArgumentError, "give seed="),
        ({"validation_split": 2, "subset": "both", "seed": 0}, ArgumentError, "between 0 and 1. Got 2"),
        ({"validation_split": 0.01, "subset": "both", "seed": 0}, DataError, "of 12 files leaves an empty subset"),
        ({"validation_split": 0.5, "subset": "test", "seed": 0}, UnknownNameError, "unknown subset: 'test'"),
        ({"color_mode": "gray"}, UnknownNameError, "Did you mean 'grayscale'"),
        ({"interpolation": "area"}, UnknownNameError, "unknown interpolation"),
        ({"batch_size": -3}, ArgumentError, "batch_size must be a whole number"),
    ],
)
def test_folder_says_what_is_wrong(folder, arguments, error, message):
    with pytest.raises(error, match=message):
        dataset(folder, **arguments)


def test_folder_refuses_a_place_without_images(tmp_path):
    with pytest.raises(DataError, match="is no folder. Relative to"):
        dataset(tmp_path / "none")
    with pytest.raises(DataError, match=r"no images \(.bmp, .gif, .jpeg, .jpg, .png\).*one subfolder per class"):
        dataset(tmp_path)
