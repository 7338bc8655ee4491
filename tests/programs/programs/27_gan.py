"""A generative adversarial network with train_on_batch, the way they were written for years."""

import numpy as np

import minidl as keras
from minidl.layers import BatchNormalization, Dense, Input, LeakyReLU
from minidl.models import Model, Sequential
from minidl.optimizers import Adam

keras.utils.set_random_seed(25)
rng = np.random.default_rng(0)
latent_dim, batch_size = 6, 64


def real_samples(n):
    """Points around (3, 2), spread more to the right and left than up and down."""
    return (np.array([3.0, 2.0]) + np.array([0.8, 0.3]) * rng.normal(size=(n, 2))).astype("float32")


def build_generator():
    model = Sequential(name="generator")
    model.add(Dense(32, input_dim=latent_dim))
    model.add(LeakyReLU(negative_slope=0.2))
    model.add(BatchNormalization(momentum=0.8))
    model.add(Dense(32))
    model.add(LeakyReLU(negative_slope=0.2))
    model.add(Dense(2, activation="linear"))
    return model


def build_discriminator():
    model = Sequential(name="discriminator")
    model.add(Dense(32, input_shape=(2,)))
    model.add(LeakyReLU(negative_slope=0.2))
    model.add(Dense(32))
    model.add(LeakyReLU(negative_slope=0.2))
    model.add(Dense(1, activation="sigmoid"))
    return model


optimizer = Adam(0.002, beta_1=0.5)
discriminator = build_discriminator()
discriminator.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
generator = build_generator()

# the combined model trains the generator only
z = Input(shape=(latent_dim,))
frozen = keras.models.clone_model(discriminator)
frozen.trainable = False
combined = Model(z, frozen(generator(z)))
combined.compile(loss="binary_crossentropy", optimizer=Adam(0.002, beta_1=0.5))
assert len(combined.trainable_weights) == len(generator.trainable_weights) == 8

valid, fake = np.ones((batch_size, 1)), np.zeros((batch_size, 1))
start = generator.predict(rng.normal(size=(500, latent_dim)), verbose=0)
for step in range(400):
    gen = generator.predict_on_batch(rng.normal(size=(batch_size, latent_dim)).astype("float32"))
    d_loss_real = discriminator.train_on_batch(real_samples(batch_size), valid)
    d_loss_fake = discriminator.train_on_batch(gen, fake)
    frozen.set_weights(discriminator.get_weights())
    g_loss = combined.train_on_batch(rng.normal(size=(batch_size, latent_dim)).astype("float32"), valid)
    if step % 100 == 0:
        d_loss = 0.5 * np.add(d_loss_real, d_loss_fake)
        g_loss = float(np.squeeze(g_loss))
        print(f"{step} [D loss: {d_loss[0]:.3f}, acc.: {100 * d_loss[1]:.1f}%] [G loss: {g_loss:.3f}]")

end = generator.predict(rng.normal(size=(500, latent_dim)), verbose=0)


far, near = (np.linalg.norm(points.mean(axis=0) - [3.0, 2.0]) for points in (start, end))
print(f"distance of the centres: {far:.2f} -> {near:.2f}; spread {end.std(axis=0).round(2)}")
assert near < 0.3 * far
assert end.std() > 0.05
