"""A recommender: users and films as vectors, their product and two biases as the rating; beside the mean, and NumPy."""

import numpy as np

import minidl as keras
from minidl import layers

keras.utils.set_random_seed(1)
USERS, FILMS, TASTES = 120, 80, 3

# Ratings with three tastes behind them, as if 1 to 5 stars had been given, for a third of all pairs.
random = np.random.default_rng(1)
liking = random.normal(size=(USERS, TASTES)) @ random.normal(size=(TASTES, FILMS)) * 0.5
stars = 3 + liking + random.normal(size=(USERS, 1)) * 0.3 + random.normal(size=(1, FILMS)) * 0.4
user, film = np.nonzero(random.random((USERS, FILMS)) < 0.35)
rating = np.clip(stars[user, film] + random.normal(size=len(user)) * 0.2, 1, 5).astype("float32")
order = random.permutation(len(user))
user, film, rating = user[order], film[order], rating[order]
train = int(0.85 * len(user))


def embedded(count, size, name):
    """Return an input of numbers, and the vector of each."""
    number = keras.Input((1,), dtype="int32", name=name)
    return number, layers.Flatten()(
        layers.Embedding(count, size, embeddings_regularizer=keras.regularizers.L2(1e-4))(number)
    )


user_input, user_vector = embedded(USERS, 8, "user")
film_input, film_vector = embedded(FILMS, 8, "film")
user_bias = layers.Flatten()(layers.Embedding(USERS, 1)(user_input))
film_bias = layers.Flatten()(layers.Embedding(FILMS, 1)(film_input))
match = layers.Dot(axes=1)([user_vector, film_vector])
output = layers.Add()([match, user_bias, film_bias])
model = keras.Model([user_input, film_input], output)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])

mean = rating[:train].mean()
model.fit(
    {"user": user[:train, None], "film": film[:train, None]},
    rating[:train] - mean,
    epochs=40,
    batch_size=128,
    verbose=0,
)


def error(predicted):
    """The root of the mean squared error, in stars."""
    return float(np.sqrt(np.mean((predicted - rating[train:]) ** 2)))


predicted = model.predict([user[train:, None], film[train:, None]], verbose=0)[:, 0] + mean


def factorised(tastes, steps=15, weight=1.0):
    """The same in NumPy: users' vectors by least squares with the films' held, then the other way round, in turns."""
    films, people = random.normal(size=(FILMS, tastes + 1)) * 0.1, np.zeros((USERS, tastes + 1))
    wanted = rating[:train] - mean
    for _ in range(steps):
        for own, other, mine, theirs in ((people, films, user, film), (films, people, film, user)):
            for k in range(len(own)):
                chosen = mine[:train] == k
                rows = other[theirs[:train][chosen]]
                own[k] = np.linalg.solve(rows.T @ rows + weight * np.eye(tastes + 1), rows.T @ wanted[chosen])
    return mean + (people[user[train:]] * films[film[train:]]).sum(axis=1)


results = {
    "the mean of all": error(mean),
    "this network": error(predicted),
    "factorised by NumPy": error(factorised(TASTES)),
}
for name, stars_off in results.items():
    print(f"{name:22} {stars_off:.3f} stars off")
best = np.argsort(-(model.predict([np.full((FILMS, 1), 7), np.arange(FILMS)[:, None]], verbose=0)[:, 0]))[:3]
print("for user 7:", best.tolist())

assert results["this network"] < 0.7 * results["the mean of all"]
assert results["this network"] < 1.35 * results["factorised by NumPy"]
