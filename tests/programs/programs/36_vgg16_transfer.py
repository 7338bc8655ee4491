"""VGG16 without its top under a new head, as transfer learning is written: frozen, then fine-tuned, saved as .h5."""

import numpy as np

import minidl as keras
from minidl.applications.vgg16 import VGG16, preprocess_input
from minidl.layers import Dense, Flatten
from minidl.models import Model, load_model

keras.utils.set_random_seed(0)

# Two kinds of pictures: stripes across and stripes down, with noise; values 0 to 255 as photographs have them.
random = np.random.default_rng(0)
labels = random.integers(0, 2, 48)
stripes = (np.arange(32) // 4 % 2 * 160).astype("float32")
pictures = np.where(labels[:, None, None] == 0, stripes[None, :, None], stripes[None, None, :])
pictures = pictures[..., None] + random.uniform(0, 90, (48, 32, 32, 3))
x = preprocess_input(pictures.astype("float32"))
y = keras.utils.to_categorical(labels, 2)

# With weights="imagenet" the published ones are fetched; this program runs without a network, so they are random.
conv_base = VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
for layer in conv_base.layers:
    if layer.weights:  # so small that thirteen relus would leave nothing; the first for values up to 128
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * (2**0.5 if layer.name != "block1_conv1" else 0.02), bias])
conv_base.trainable = False
h = Flatten()(conv_base.output)
h = Dense(16, activation="relu")(h)
outputs = Dense(2, activation="softmax")(h)
model = Model(inputs=conv_base.input, outputs=outputs)
model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"])
assert len(model.trainable_weights) == 4

frozen = conv_base.get_layer("block5_conv3").get_weights()[0].copy()
history = model.fit(x, y, epochs=20, batch_size=16, verbose=0)
print("head alone:", history.history["loss"][0], "to", history.history["loss"][-1])
np.testing.assert_array_equal(frozen, conv_base.get_layer("block5_conv3").get_weights()[0])

# ---- fine-tuning: the last block learns too, slowly
conv_base.trainable = True
for layer in conv_base.layers:
    layer.trainable = layer.name.startswith("block5")
model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.SGD(1e-3, momentum=0.9), metrics=["accuracy"])
assert len(model.trainable_weights) == 10
tuned = model.fit(x, y, epochs=3, batch_size=16, verbose=0)
assert not np.array_equal(frozen, conv_base.get_layer("block5_conv3").get_weights()[0])

model.save("vgg16_stripes.h5")
again = load_model("vgg16_stripes.h5")
np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)
loss, accuracy = again.evaluate(x, y, verbose=0)
print("after fine-tuning, from the file:", accuracy)
assert history.history["loss"][-1] < history.history["loss"][0]
assert accuracy > 0.9
