"""MobileNet's idea in small: depthwise separable convolutions, relu6, strides instead of pooling."""

import numpy as np
from sample_data import shapes

import minidl as keras
from minidl.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Input,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from minidl.models import Model
from minidl.utils import to_categorical

keras.utils.set_random_seed(35)
x, y = shapes(700)
x = x.astype("float32") / 127.5 - 1.0
y = to_categorical(y)


def conv_block(inputs, filters, strides):
    x = ZeroPadding2D(((0, 1), (0, 1)), name="conv1_pad")(inputs)
    x = Conv2D(filters, (3, 3), padding="valid", use_bias=False, strides=strides, name="conv1")(x)
    x = BatchNormalization(momentum=0.8, name="conv1_bn")(x)
    return ReLU(6.0, name="conv1_relu")(x)


def depthwise_conv_block(inputs, filters, strides=(1, 1), block_id=1):
    if strides == (1, 1):
        x = inputs
    else:
        x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{block_id}")(inputs)
    x = DepthwiseConv2D(
        (3, 3), padding="same" if strides == (1, 1) else "valid", depth_multiplier=1, strides=strides,
        use_bias=False, name=f"conv_dw_{block_id}",
    )(x)  # fmt: skip
    x = BatchNormalization(momentum=0.8, name=f"conv_dw_{block_id}_bn")(x)
    x = ReLU(6.0, name=f"conv_dw_{block_id}_relu")(x)
    x = Conv2D(filters, (1, 1), padding="same", use_bias=False, strides=(1, 1), name=f"conv_pw_{block_id}")(x)
    x = BatchNormalization(momentum=0.8, name=f"conv_pw_{block_id}_bn")(x)
    return ReLU(6.0, name=f"conv_pw_{block_id}_relu")(x)


img_input = Input(shape=(16, 16, 3))
z = conv_block(img_input, 8, strides=(2, 2))
z = depthwise_conv_block(z, 16, block_id=1)
z = depthwise_conv_block(z, 32, strides=(2, 2), block_id=2)
z = GlobalAveragePooling2D()(z)
z = Reshape((1, 1, 32), name="reshape_1")(z)
z = Dropout(0.01)(z)
z = Conv2D(4, (1, 1), padding="same", name="conv_preds")(z)
z = Reshape((4,), name="reshape_2")(z)
z = Activation("softmax", name="predictions")(z)
model = Model(img_input, z, name="mobilenet_small")
assert model.get_layer("conv_dw_1").get_weights()[0].shape == (3, 3, 8, 1)
assert model.get_layer("conv_dw_2").output.shape == (None, 4, 4, 16)

model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=0.01, weight_decay=1e-4),
    loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.05),
    metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(k=2, name="top2")],
)
history = model.fit(x[:550], y[:550], epochs=10, batch_size=32, validation_data=(x[550:], y[550:]), verbose=0)
loss, accuracy, top2 = model.evaluate(x[550:], y[550:], verbose=0)
print(accuracy, top2)
assert accuracy > 0.7 and top2 >= accuracy
probabilities = model.predict(x[:3], verbose=0)
np.testing.assert_allclose(probabilities.sum(-1), 1.0, rtol=1e-5)

# a dense head on the same trunk, for a table of sizes
head = Dense(4)(model.get_layer("conv_pw_2_relu").output)
assert Model(model.input, head).output_shape == (None, 4, 4, 4)
