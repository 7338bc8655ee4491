"""Character-level language model: one-hot characters, SimpleRNN, sampling with a temperature."""

import numpy as np

import minidl as keras
from minidl.layers import Dense, SimpleRNN
from minidl.models import Sequential

keras.utils.set_random_seed(0)
text = "the quick brown fox jumps over the lazy dog and the dog sleeps in the sun " * 8
chars = sorted(set(text))
char_indices = {c: i for i, c in enumerate(chars)}
indices_char = dict(enumerate(chars))
maxlen, step = 12, 3

sentences = [text[i : i + maxlen] for i in range(0, len(text) - maxlen, step)]
next_chars = [text[i + maxlen] for i in range(0, len(text) - maxlen, step)]
x = np.zeros((len(sentences), maxlen, len(chars)), dtype="bool")
y = np.zeros((len(sentences), len(chars)), dtype="bool")
for i, sentence in enumerate(sentences):
    for t, char in enumerate(sentence):
        x[i, t, char_indices[char]] = 1
    y[i, char_indices[next_chars[i]]] = 1

model = Sequential([SimpleRNN(48, input_shape=(maxlen, len(chars))), Dense(len(chars), activation="softmax")])
model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.RMSprop(learning_rate=0.01))

rng = np.random.default_rng(0)


def sample(preds, temperature=1.0):
    preds = np.log(np.asarray(preds).astype("float64") + 1e-12) / temperature
    preds = np.exp(preds) / np.sum(np.exp(preds))
    return np.argmax(rng.multinomial(1, preds / preds.sum(), 1))


losses = []
for _ in range(15):
    history = model.fit(x, y, batch_size=64, epochs=1, verbose=0)
    losses.append(history.history["loss"][0])
print(losses)

generated, sentence = "", text[:maxlen]
for _ in range(40):
    x_pred = np.zeros((1, maxlen, len(chars)))
    for t, char in enumerate(sentence):
        x_pred[0, t, char_indices[char]] = 1.0
    preds = model.predict(x_pred, verbose=0)[0]
    next_char = indices_char[int(sample(preds, 0.2))]
    sentence = sentence[1:] + next_char
    generated += next_char
print(repr(generated))

assert losses[-1] < 0.5 * losses[0]
assert len(generated) == 40
assert len(set(generated.split()) & set(text.split())) >= 3  # real words appear
