"""CIFAR-10 with VGG-like blocks: padding='same', batch norm, dropout that grows, weight decay, SGD with momentum."""

from minidl import regularizers
from minidl.datasets import cifar10
from minidl.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from minidl.models import Sequential
from minidl.optimizers import SGD
from minidl.utils import set_random_seed, to_categorical

set_random_seed(0)


def load_dataset():
    (trainX, trainY), (testX, testY) = cifar10.load_data()
    return trainX[:1200], to_categorical(trainY[:1200], 10), testX[:300], to_categorical(testY[:300], 10)


def prep_pixels(train, test):
    return train.astype("float32") / 255.0, test.astype("float32") / 255.0


def define_model():
    model = Sequential()
    model.add(
        Conv2D(
            16, (3, 3), activation="relu", kernel_initializer="he_uniform", padding="same",
            kernel_regularizer=regularizers.l2(1e-4), input_shape=(32, 32, 3),
        )
    )  # fmt: skip
    model.add(BatchNormalization(momentum=0.8))
    model.add(MaxPooling2D((2, 2)))
    model.add(Dropout(0.1))
    model.add(Conv2D(32, (3, 3), activation="relu", kernel_initializer="he_uniform", padding="same"))
    model.add(BatchNormalization(momentum=0.8))
    model.add(MaxPooling2D((2, 2)))
    model.add(Dropout(0.2))
    model.add(Flatten())
    model.add(Dense(64, activation="relu", kernel_initializer="he_uniform"))
    model.add(Dropout(0.3))
    model.add(Dense(10, activation="softmax"))
    opt = SGD(learning_rate=0.01, momentum=0.9)
    model.compile(optimizer=opt, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


trainX, trainY, testX, testY = load_dataset()
trainX, testX = prep_pixels(trainX, testX)
model = define_model()
history = model.fit(trainX, trainY, epochs=5, batch_size=64, validation_data=(testX, testY), verbose=0)
_, acc = model.evaluate(testX, testY, verbose=0)
print(f"> {acc * 100.0:.3f}")

assert acc > 0.25  # 1200 images and five epochs; guessing gives 0.1
assert history.history["loss"][-1] < history.history["loss"][0]
assert model.layers[0].get_weights()[0].shape == (3, 3, 3, 16)
assert [w.shape for w in model.layers[1].get_weights()] == [(16,)] * 4
