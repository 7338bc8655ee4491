"""The classic MNIST MLP: flat inputs, one-hot labels, dropout, RMSprop."""

import minidl as keras
from minidl.datasets import mnist
from minidl.layers import Activation, Dense, Dropout
from minidl.models import Sequential
from minidl.optimizers import RMSprop

batch_size = 128
num_classes = 10
epochs = 4
keras.utils.set_random_seed(1)

# the data, split between train and test sets
(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, y_train, x_test, y_test = x_train[:4000], y_train[:4000], x_test[:1000], y_test[:1000]

x_train = x_train.reshape(-1, 784)
x_test = x_test.reshape(-1, 784)
x_train = x_train.astype("float32")
x_test = x_test.astype("float32")
x_train /= 255
x_test /= 255
print(x_train.shape[0], "train samples")
print(x_test.shape[0], "test samples")

# convert class vectors to binary class matrices
y_train = keras.utils.to_categorical(y_train, num_classes)
y_test = keras.utils.to_categorical(y_test, num_classes)

model = Sequential()
model.add(Dense(128, input_shape=(784,)))
model.add(Activation("relu"))
model.add(Dropout(0.2))
model.add(Dense(128, activation="relu"))
model.add(Dropout(0.2))
model.add(Dense(num_classes, activation="softmax"))
model.summary()

model.compile(loss="categorical_crossentropy", optimizer=RMSprop(), metrics=["accuracy"])

history = model.fit(x_train, y_train, batch_size=batch_size, epochs=epochs, verbose=1, validation_data=(x_test, y_test))
score = model.evaluate(x_test, y_test, verbose=0)
print("Test loss:", score[0])
print("Test accuracy:", score[1])

assert score[1] > 0.82
assert len(history.epoch) == epochs
assert history.history["accuracy"][-1] > history.history["accuracy"][0]
assert abs(history.history["val_loss"][-1] - score[0]) < 1e-5
