"""A variational autoencoder: a sampling layer with its own random numbers, the KL term by add_loss."""

import numpy as np
from sample_data import digits

import minidl as keras
from minidl import layers, ops

keras.utils.set_random_seed(37)
(x_train, y_train), (x_test, y_test) = digits()
x_train = x_train.reshape(-1, 64).astype("float32") / 16
x_test = x_test.reshape(-1, 64).astype("float32") / 16
latent_dim = 3


class Sampling(layers.Layer):
    """Uses (z_mean, z_log_var) to sample z, the vector encoding a digit."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch = ops.shape(z_mean)[0]
        dim = ops.shape(z_mean)[1]
        epsilon = keras.random.normal(shape=(batch, dim), seed=self.seed_generator)
        kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
        self.add_loss(0.02 * ops.mean(ops.sum(kl_loss, axis=1)))
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


encoder_inputs = keras.Input(shape=(64,))
x = layers.Dense(64, activation="relu")(encoder_inputs)
z_mean = layers.Dense(latent_dim, name="z_mean")(x)
z_log_var = layers.Dense(latent_dim, name="z_log_var")(x)
z = Sampling()([z_mean, z_log_var])
encoder = keras.Model(encoder_inputs, [z_mean, z_log_var, z], name="encoder")

latent_inputs = keras.Input(shape=(latent_dim,))
x = layers.Dense(64, activation="relu")(latent_inputs)
decoder_outputs = layers.Dense(64, activation="sigmoid")(x)
decoder = keras.Model(latent_inputs, decoder_outputs, name="decoder")

vae = keras.Model(encoder_inputs, decoder(encoder(encoder_inputs)[2]), name="vae")
vae.compile(optimizer=keras.optimizers.Adam(0.005), loss="binary_crossentropy")
history = vae.fit(x_train, x_train, epochs=12, batch_size=64, verbose=0)
print(history.history["loss"])
assert history.history["loss"][-1] < 0.85 * history.history["loss"][0]

z_mean, z_log_var, z = encoder.predict(x_test, verbose=0)
assert z_mean.shape == z.shape == (360, latent_dim)
assert 0.1 < np.abs(z - z_mean).mean() < 2
digits_made = decoder.predict(np.random.default_rng(0).normal(size=(5, latent_dim)), verbose=0)
assert digits_made.shape == (5, 64) and 0 <= digits_made.min() <= digits_made.max() <= 1
