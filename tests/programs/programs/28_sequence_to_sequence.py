"""Encoder and decoder LSTMs with their states handed over: reversing a word, first trained, then step by step."""

import numpy as np

import minidl as keras
from minidl.layers import LSTM, Dense, Input
from minidl.models import Model

keras.utils.set_random_seed(33)
rng = np.random.default_rng(0)
letters, length, latent_dim = 6, 4, 48
START = letters
tokens = letters + 1
words = rng.integers(0, letters, size=(800, length))
targets = words[:, ::-1]

encoder_input_data = keras.utils.to_categorical(words, tokens)
decoder_input_data = keras.utils.to_categorical(np.concatenate([np.full((800, 1), START), targets[:, :-1]], 1), tokens)
decoder_target_data = keras.utils.to_categorical(targets, tokens)
assert decoder_target_data.shape == (800, length, tokens)

encoder_inputs = Input(shape=(None, tokens))
encoder = LSTM(latent_dim, return_state=True)
encoder_outputs, state_h, state_c = encoder(encoder_inputs)
encoder_states = [state_h, state_c]

decoder_inputs = Input(shape=(None, tokens))
decoder_lstm = LSTM(latent_dim, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
decoder_dense = Dense(tokens, activation="softmax")
decoder_outputs = decoder_dense(decoder_outputs)

model = Model([encoder_inputs, decoder_inputs], decoder_outputs)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit([encoder_input_data, decoder_input_data], decoder_target_data, batch_size=32, epochs=12, verbose=0)
print(history.history["accuracy"])

# inference: the encoder once, the decoder letter by letter
encoder_model = Model(encoder_inputs, encoder_states)
decoder_state_input_h = Input(shape=(latent_dim,))
decoder_state_input_c = Input(shape=(latent_dim,))
decoder_states_inputs = [decoder_state_input_h, decoder_state_input_c]
decoder_outputs, state_h, state_c = decoder_lstm(decoder_inputs, initial_state=decoder_states_inputs)
decoder_model = Model([decoder_inputs, *decoder_states_inputs], [decoder_dense(decoder_outputs), state_h, state_c])


def decode_sequence(input_seq):
    states = encoder_model.predict(input_seq, verbose=0)
    target_seq = np.zeros((1, 1, tokens))
    target_seq[0, 0, START] = 1.0
    decoded = []
    for _ in range(length):
        output_tokens, h, c = decoder_model.predict([target_seq, *states], verbose=0)
        decoded.append(int(np.argmax(output_tokens[0, -1, :])))
        target_seq = np.zeros((1, 1, tokens))
        target_seq[0, 0, decoded[-1]] = 1.0
        states = [h, c]
    return decoded


right = 0
for i in range(10):
    decoded = decode_sequence(encoder_input_data[i : i + 1])
    right += decoded == targets[i].tolist()
print(f"{right} of 10 words reversed without a mistake")
assert history.history["accuracy"][-1] > 0.85
assert right >= 5
