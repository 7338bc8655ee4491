"""What does the network look at? A saliency map and Grad-CAM on pictures of scratched parts."""

import numpy as np
from sample_data import parts

import minidl as keras
from minidl import GradientTape, Model, layers

keras.utils.set_random_seed(3)
x, y = parts(500)
x = x.astype("float32") / 255

model = keras.Sequential(
    [
        keras.Input((24, 24, 1)),
        layers.Conv2D(8, 3, activation="relu", padding="same"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu", padding="same", name="last_conv"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(2, name="logits"),
    ]
)
model.compile(
    keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
)
model.fit(x[:400], y[:400], epochs=10, batch_size=32, verbose=0)
accuracy = model.evaluate(x[400:], y[400:], verbose=0)[1]
print("accuracy", accuracy)
assert accuracy > 0.9

# saliency: the gradient of the class's score with respect to the pixels
scratched = x[400:][y[400:] == 1][:8]
images = keras.convert_to_tensor(scratched)
with GradientTape() as tape:
    tape.watch(images)
    score = model(images, training=False)[:, 1].sum()
saliency = np.abs(tape.gradient(score, images).numpy()).max(axis=-1)
assert saliency.shape == (8, 24, 24) and saliency.max() > 0

# Grad-CAM
grad_model = Model(model.inputs, [model.get_layer("last_conv").output, model.output])


def make_gradcam_heatmap(img_array, class_index):
    with GradientTape() as tape:
        conv_output, preds = grad_model(img_array)
        class_channel = preds[:, class_index].sum()
    grads = tape.gradient(class_channel, conv_output)
    pooled_grads = grads.numpy().mean(axis=(0, 1, 2))
    heatmap = conv_output.numpy()[0] @ pooled_grads[..., np.newaxis]
    heatmap = np.maximum(np.squeeze(heatmap), 0)
    return heatmap / max(np.max(heatmap), 1e-8)


# where the heat map is hot, the picture is darker than the plate around it: there is the scratch
inside = []
for image in scratched:
    heatmap = make_gradcam_heatmap(image[np.newaxis], 1)
    assert heatmap.shape == (12, 12) and 0 <= heatmap.min() <= heatmap.max() <= 1
    hottest = np.unravel_index(heatmap.argmax(), heatmap.shape)
    row, column = (2 * i for i in hottest)
    around = image[max(0, row - 2) : row + 4, max(0, column - 2) : column + 4, 0]
    inside.append(around.min() < 0.35)
print("scratch found in", sum(inside), "of", len(inside))
assert sum(inside) >= 5
