"""A small detector: one network says where a shape is (a box) and which it is (two outputs, two losses)."""

import numpy as np

import minidl as keras
from minidl import layers

keras.utils.set_random_seed(2)
SIDE, KINDS = 24, ("square", "disc", "cross")


def scenes(count, seed):
    """Pictures (N, SIDE, SIDE, 1) with one shape each; its box (left, top, right, bottom) in sides; its kind."""
    random = np.random.default_rng(seed)
    pictures = random.uniform(0, 0.25, (count, SIDE, SIDE, 1)).astype("float32")
    boxes, kinds = np.zeros((count, 4), "float32"), random.integers(0, len(KINDS), count)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for n, kind in enumerate(kinds):
        radius = int(random.integers(3, 6))
        row, column = random.integers(radius, SIDE - radius, 2)
        down, across = np.abs(rows - row), np.abs(columns - column)
        near = (down <= radius) & (across <= radius)
        if KINDS[kind] == "disc":
            near &= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2 + 1
        elif KINDS[kind] == "cross":
            near &= (down <= 1) | (across <= 1)
        pictures[n, near, 0] += 0.7
        boxes[n] = np.array([column - radius, row - radius, column + radius + 1, row + radius + 1]) / SIDE
    return pictures, boxes, kinds


x_train, box_train, kind_train = scenes(1500, seed=0)
x_test, box_test, kind_test = scenes(300, seed=1)

image = keras.Input((SIDE, SIDE, 1))
h = image
for channels in (12, 24, 32):
    h = layers.Conv2D(channels, 3, padding="same", activation="relu")(h)
    h = layers.MaxPooling2D()(h)
h = layers.Flatten()(h)
h = layers.Dense(64, activation="relu")(h)
box = layers.Dense(4, activation="sigmoid", name="box")(h)
kind = layers.Dense(len(KINDS), activation="softmax", name="kind")(h)
model = keras.Model(image, {"box": box, "kind": kind})
model.compile(
    optimizer=keras.optimizers.Adam(0.002),
    loss={"box": "mse", "kind": "sparse_categorical_crossentropy"},
    loss_weights={"box": 20.0, "kind": 1.0},
    metrics={"kind": "accuracy"},
)
model.fit(x_train, {"box": box_train, "kind": kind_train}, epochs=12, batch_size=32, verbose=0)


def overlap(a, b):
    """Intersection over union of boxes (N, 4)."""
    width = np.clip(np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0]), 0, None)
    height = np.clip(np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1]), 0, None)
    area = [(box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) for box in (a, b)]
    return width * height / (area[0] + area[1] - width * height)


found = model.predict(x_test, verbose=0)
iou = overlap(found["box"], box_test)
right = (found["kind"].argmax(axis=1) == kind_test).mean()
middle = overlap(np.repeat(box_train.mean(axis=0)[None], len(box_test), axis=0), box_test)
print(f"kind right: {right:.1%}; boxes: IoU {iou.mean():.2f}, above one half {np.mean(iou > 0.5):.1%}")
print(f"a box in the middle would have IoU {middle.mean():.2f}")

assert right > 0.9 and iou.mean() > 0.6 and iou.mean() > 2 * middle.mean()
