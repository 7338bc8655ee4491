"""Pictures in one folder per class: image_dataset_from_directory, load_img, predict on one file."""

import os

import numpy as np
from sample_data import shapes

import minidl as keras
from minidl import layers

keras.utils.set_random_seed(41)
names = ["disc", "square", "cross", "stripes"]
pictures, labels = shapes(240)
for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
    os.makedirs(f"pictures/{names[label]}", exist_ok=True)
    keras.utils.save_img(f"pictures/{names[label]}/{i:03d}.png", picture.astype("float32"), scale=False)

train_ds, val_ds = keras.utils.image_dataset_from_directory(
    "pictures", validation_split=0.25, subset="both", seed=1, image_size=(16, 16), batch_size=16
)
class_names = train_ds.class_names
print(class_names)
assert class_names == sorted(names)

model = keras.Sequential(
    [
        layers.Rescaling(1.0 / 255),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(len(class_names)),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(train_ds, validation_data=val_ds, epochs=15, verbose=0)
print(history.history["val_accuracy"][-1])
assert history.history["val_accuracy"][-1] > 0.6

file = next(os.path.join("pictures/stripes", f) for f in sorted(os.listdir("pictures/stripes")))
img = keras.utils.load_img(file, target_size=(16, 16))
img_array = keras.utils.img_to_array(img)
assert img_array.shape == (16, 16, 3) and img_array.dtype == "float32"
img_array = np.expand_dims(img_array, 0)
scores = model.predict(img_array, verbose=0)[0]
print("this is", class_names[int(np.argmax(scores))])
assert scores.shape == (4,)
