"""A simple convnet on MNIST: a Sequential given as a list, then the errors by class."""

import numpy as np

import minidl as keras
from minidl import layers

keras.backend.clear_session()
keras.utils.set_random_seed(42)

num_classes = 10
input_shape = (28, 28, 1)

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = x_train[:3000].astype("float32") / 255
x_test = x_test[:600].astype("float32") / 255
x_train = np.expand_dims(x_train, -1)
x_test = np.expand_dims(x_test, -1)
print("x_train shape:", x_train.shape)

labels = y_test[:600]
y_train = keras.utils.to_categorical(y_train[:3000], num_classes)
y_test = keras.utils.to_categorical(labels, num_classes)

model = keras.Sequential(
    [
        keras.Input(shape=input_shape),
        layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(num_classes, activation="softmax"),
    ]
)
model.summary()
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, epochs=4, validation_split=0.1, verbose=2)

score = model.evaluate(x_test, y_test, verbose=0)
print("Test loss:", score[0])
print("Test accuracy:", score[1])

# confusion matrix
predicted = np.argmax(model.predict(x_test, verbose=0), axis=-1)
confusion = np.zeros((num_classes, num_classes), dtype=int)
np.add.at(confusion, (labels, predicted), 1)
print(confusion)
wrong = np.flatnonzero(predicted != labels)
print("misclassified:", [(int(i), int(labels[i]), int(predicted[i])) for i in wrong[:5]])

assert score[1] > 0.85
assert confusion.sum() == 600
assert abs(confusion.trace() / 600 - score[1]) < 1e-6
assert model.layers[0].name == "conv2d"  # clear_session starts the names afresh
assert model.output_shape == (None, 10)
