"""Segmentation with a small U-Net and the Dice loss: which pixels belong to the shape?"""

import numpy as np
from sample_data import shapes

import minidl as keras
from minidl import layers, ops

keras.utils.set_random_seed(43)
images, _ = shapes(400)
masks = (images.mean(axis=-1, keepdims=True) > 100).astype("float32")
images = images.astype("float32") / 255 + 0.1 * np.random.default_rng(0).normal(size=images.shape).astype("float32")


def double_conv(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    return layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)


inputs = layers.Input((16, 16, 3))
c1 = double_conv(inputs, 8)
p1 = layers.MaxPooling2D((2, 2))(c1)
c2 = double_conv(p1, 16)
p2 = layers.MaxPooling2D((2, 2))(c2)
c3 = double_conv(p2, 32)
u4 = layers.Conv2DTranspose(16, (2, 2), strides=(2, 2), padding="same")(c3)
u4 = layers.concatenate([u4, c2])
c4 = double_conv(u4, 16)
u5 = layers.Conv2DTranspose(8, (2, 2), strides=(2, 2), padding="same")(c4)
u5 = layers.concatenate([u5, c1], axis=3)
c5 = double_conv(u5, 8)
outputs = layers.Conv2D(1, (1, 1), activation="sigmoid")(c5)
model = keras.Model(inputs=[inputs], outputs=[outputs])


def dice_coef(y_true, y_pred, smooth=1.0):
    y_true_f = ops.ravel(y_true)
    y_pred_f = ops.ravel(y_pred)
    intersection = ops.sum(y_true_f * y_pred_f)
    return (2.0 * intersection + smooth) / (ops.sum(y_true_f) + ops.sum(y_pred_f) + smooth)


def dice_coef_loss(y_true, y_pred):
    return 1.0 - dice_coef(y_true, y_pred)


model.compile(optimizer=keras.optimizers.Adam(5e-3), loss=dice_coef_loss, metrics=[dice_coef])
history = model.fit(images[:320], masks[:320], batch_size=16, epochs=3, validation_split=0.1, verbose=0)
loss, dice = model.evaluate(images[320:], masks[320:], batch_size=16, verbose=0)
print("dice", dice)
assert model.output_shape == (None, 16, 16, 1)
predicted = model.predict(images[320:], verbose=0) > 0.5
assert predicted.shape == (80, 16, 16, 1)
print("pixels right:", (predicted == (masks[320:] > 0.5)).mean())
assert dice > 0.85 and abs(loss - (1 - dice)) < 1e-4
