from __future__ import annotations

import io
import subprocess
import sys

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


# ------------------------------------------------------------------------------------ 16 and 32 bits, other modes

DEEP = np.array([[0, 300, 1000], [40000, 50000, 65535]])


@pytest.mark.parametrize("name,dtype,mode", [("x.png", "uint16", "I;16"), ("x.tif", "uint16", "I;16"),
                                             ("x.tif", ">u2", "I"), ("x.tif", "int32", "I")])  # fmt: skip
def test_deep_grey_images_keep_their_values(tmp_path, name, dtype, mode):
    Image.fromarray(DEEP.astype(dtype)).save(tmp_path / name)
    image = load_img(tmp_path / name, color_mode="grayscale")
    assert image.mode == mode
    np.testing.assert_array_equal(img_to_array(image)[..., 0], DEEP)
    resized = img_to_array(load_img(tmp_path / name, color_mode="grayscale", target_size=(4, 6)))
    np.testing.assert_array_equal(resized[..., 0], DEEP.repeat(2, axis=0).repeat(2, axis=1))
    with pytest.warns(
        UserWarning, match="values from 0 to 65535, and color_mode='rgb' has whole numbers from 0 to 255"
    ):
        clipped = img_to_array(load_img(tmp_path / name))  # as Keras, but not in silence
    np.testing.assert_array_equal(clipped, np.minimum(DEEP, 255)[..., None].repeat(3, axis=2))


def test_deep_images_of_small_values_and_float_images(tmp_path):
    small = np.array([[0, 7, 255]])
    Image.fromarray(small.astype("uint16")).save(tmp_path / "small.png")
    assert img_to_array(load_img(tmp_path / "small.png"))[..., 0].tolist() == [[0, 7, 255]]
    Image.fromarray(np.array([[0.25, 1.0]], "float32")).save(tmp_path / "f.tif")
    with pytest.warns(UserWarning, match="values from 0.25 to 1, .* Read it with np.asarray"):
        assert img_to_array(load_img(tmp_path / "f.tif", color_mode="grayscale"))[..., 0].tolist() == [[0, 1]]


def test_deep_grey_arrays_are_written_with_their_values(tmp_path):
    assert array_to_img(DEEP[..., None], scale=False).mode == "I"
    for name in ("a.png", "a.tif"):
        save_img(tmp_path / name, DEEP[..., None], scale=False)
        found = img_to_array(load_img(tmp_path / name, color_mode="grayscale"))
        np.testing.assert_array_equal(found[..., 0], DEEP)
    large = np.array([[[70000.0], [3.0]]])
    save_img(tmp_path / "b.tif", large, scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(tmp_path / "b.tif", color_mode="grayscale")), large)
    for name, limit in (("b.png", 65535), ("b.jpg", 255), ("b.bmp", 255)):
        with pytest.raises(ArgumentError, match=f"hold grey values from 0 to {limit}. Got 3 to 70000. Use scale=True"):
            save_img(tmp_path / name, large, scale=False)


def test_colors_outside_of_8_bits_are_told():
    with pytest.warns(UserWarning, match="values from -1 to 300 do not fit into 0..255"):
        assert np.asarray(array_to_img(np.array([[[300.0, -1, 7]]]), scale=False)).tolist() == [[[255, 0, 7]]]


def test_scaled_values_are_rounded_down_as_keras_does():
    x = (np.arange(7) / 7).reshape(1, 7, 1)  # x / max * 255, not x * 255 / max
    assert np.asarray(array_to_img(x))[0].tolist() == [0, 42, 85, 127, 170, 212, 255]


@pytest.mark.parametrize("mode,grey", [("LA", 76), ("P", 76), ("CMYK", None), ("1", 0)])
def test_other_modes_are_converted(tmp_path, mode, grey):
    image = Image.new("RGB", (3, 2), (255, 0, 0)).convert(mode)
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    image.save(path)
    for color_mode, channels in (("rgb", 3), ("rgba", 4), ("grayscale", 1)):
        expected = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])).reshape(2, 3, channels)
        np.testing.assert_array_equal(img_to_array(load_img(path, color_mode=color_mode)), expected)
    if grey is not None:
        assert set(img_to_array(load_img(path, color_mode="grayscale")).ravel()) <= {grey, 255 if mode == "1" else grey}


def test_animations_give_their_first_picture_and_open_files_are_read(tmp_path):
    pictures = [Image.new("RGB", (3, 2), color) for color in ("red", "blue")]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:])
    content = io.BytesIO((tmp_path / "a.gif").read_bytes())
    for source in (tmp_path / "a.gif", str(tmp_path / "a.gif").encode(), content):
        assert img_to_array(load_img(source))[0, 0].tolist() == [255, 0, 0]
    written = io.BytesIO()
    save_img(written, colors(), file_format="png", scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(io.BytesIO(written.getvalue()))), colors())


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


def test_folder_of_deep_grey_images_keeps_their_values(tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(DEEP.astype("uint16")).save(tmp_path / "a" / "x.png")
    data = image_dataset_from_directory(
        tmp_path, color_mode="grayscale", image_size=(2, 3), interpolation="nearest", verbose=False
    )
    np.testing.assert_array_equal(data[0][0][0, :, :, 0], DEEP)


def test_the_format_that_is_given_decides_and_not_the_ending(tmp_path):
    save_img(tmp_path / "x.png", np.zeros((4, 4, 3), np.float32), file_format="jpeg")
    assert (tmp_path / "x.png").read_bytes()[:2] == b"\xff\xd8"


@pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: needs Linux, whose limit of memory holds")
def test_a_part_of_a_png_that_says_it_has_4_gb_is_refused(tmp_path):
    save_img(tmp_path / "x.png", np.zeros((4, 4, 3), np.float32))
    content = (tmp_path / "x.png").read_bytes()
    place = content.index(b"IDAT")
    (tmp_path / "x.png").write_bytes(content[: place - 4] + b"\xff" * 4 + content[place:])
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        "from minidl.errors import FileFormatError\nfrom minidl.utils import load_img\n"
        f"try: load_img({str(tmp_path / 'x.png')!r})\nexcept FileFormatError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=600)
    assert "x.png: is no readable image (it asks for more memory than there is)" in done.stdout


@pytest.mark.parametrize("most, mode", [(254, "L"), (255, "L"), (255.5, "I"), (256, "I")])
def test_grey_arrays_are_deep_from_the_first_value_above_255(most, mode):
    assert array_to_img(np.array([[[0.0], [most]]]), scale=False).mode == mode


@pytest.mark.parametrize("values", [(0, 255, 7), (0.0, 0.5, 255.0)])
def test_colours_from_0_to_255_bring_no_warning(values):
    assert np.asarray(array_to_img(np.array([[values]]), scale=False)).tolist() == [[[int(v) for v in values]]]
