"""Autoencoders: dense with a separate encoder and decoder, and convolutional for taking noise out."""

import numpy as np
from sample_data import digits

import minidl as keras
from minidl import layers, regularizers
from minidl.layers import Conv2D, Conv2DTranspose, Dense, Input, MaxPooling2D, UpSampling2D
from minidl.models import Model

keras.utils.set_random_seed(6)
(x_train, _), (x_test, _) = digits()
x_train = x_train.astype("float32") / 16.0
x_test = x_test.astype("float32") / 16.0
flat_train = x_train.reshape((len(x_train), np.prod(x_train.shape[1:])))
flat_test = x_test.reshape((len(x_test), np.prod(x_test.shape[1:])))

# ---- dense
encoding_dim = 12
input_img = Input(shape=(64,))
encoded = Dense(encoding_dim, activation="relu", activity_regularizer=regularizers.l1(1e-6))(input_img)
decoded = Dense(64, activation="sigmoid")(encoded)
autoencoder = Model(input_img, decoded)
encoder = Model(input_img, encoded)
encoded_input = Input(shape=(encoding_dim,))
decoder_layer = autoencoder.layers[-1]
decoder = Model(encoded_input, decoder_layer(encoded_input))

autoencoder.compile(optimizer=keras.optimizers.Adam(0.005), loss="binary_crossentropy")
history = autoencoder.fit(
    flat_train, flat_train, epochs=15, batch_size=64, shuffle=True, validation_data=(flat_test, flat_test), verbose=0
)
codes = encoder.predict(flat_test, verbose=0)
decoded_imgs = decoder.predict(codes, verbose=0)
np.testing.assert_allclose(decoded_imgs, autoencoder.predict(flat_test, verbose=0), atol=1e-5)
error = np.mean((decoded_imgs - flat_test) ** 2)
print("mean squared error", error, "variance", flat_test.var(axis=0).mean())
assert codes.shape == (360, encoding_dim)
assert error < 0.5 * flat_test.var(axis=0).mean()
assert history.history["val_loss"][-1] < history.history["val_loss"][0]

# ---- convolutional, for denoising
rng = np.random.default_rng(0)
clean_train, clean_test = x_train[..., None], x_test[..., None]
noisy_train = np.clip(clean_train + 0.4 * rng.normal(size=clean_train.shape), 0.0, 1.0)
noisy_test = np.clip(clean_test + 0.4 * rng.normal(size=clean_test.shape), 0.0, 1.0)

inputs = layers.Input(shape=(8, 8, 1))
x = Conv2D(16, (3, 3), activation="relu", padding="same")(inputs)
x = MaxPooling2D((2, 2), padding="same")(x)
x = Conv2D(16, (3, 3), activation="relu", padding="same")(x)
encoded = MaxPooling2D((2, 2), padding="same")(x)
x = Conv2DTranspose(16, (3, 3), strides=2, activation="relu", padding="same")(encoded)
x = Conv2D(16, (3, 3), activation="relu", padding="same")(x)
x = UpSampling2D((2, 2))(x)
decoded = Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
denoiser = Model(inputs, decoded)
denoiser.summary()
denoiser.compile(optimizer="adam", loss="mse")
denoiser.fit(noisy_train, clean_train, epochs=10, batch_size=32, verbose=0)
before = np.mean((noisy_test - clean_test) ** 2)
after = denoiser.evaluate(noisy_test, clean_test, verbose=0)
print(f"noise {before:.4f} -> {after:.4f}")
assert denoiser.predict(noisy_test[:3], verbose=0).shape == (3, 8, 8, 1)
assert after < 0.7 * before
