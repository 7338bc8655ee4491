"""CIFAR-10 with VGG-like blocks: batch norm, dropout, augmentation inside the model, callbacks that watch."""

import minidl as keras
from minidl import layers, regularizers
from minidl.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau

TRAIN_IMAGES = 10000  # of 50000
EPOCHS = 8
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def block(x, filters, dropout):
    """Return a 3 x 3 convolution with batch norm and ReLU, pooled and dropped out."""
    x = layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal",
        kernel_regularizer=regularizers.L2(1e-4),
    )(x)  # fmt: skip
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D()(x)
    return layers.Dropout(dropout)(x)


def build_model():
    """Return the network. It takes images as they are, 0..255, and disturbs them in training only."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.RandomTranslation(0.1, 0.1)(x)
    x = block(x, 32, 0.1)
    x = block(x, 64, 0.2)
    x = block(x, 128, 0.2)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x), name="small_vgg")


def main():
    """Train, keep the best epoch, and name what is confused most."""
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
    x_train, y_train = x_train[:TRAIN_IMAGES], y_train[:TRAIN_IMAGES]
    model = build_model()
    model.summary()
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        x_train, y_train, batch_size=64, epochs=EPOCHS, validation_data=(x_test[:1000], y_test[:1000]),
        callbacks=[
            ModelCheckpoint("cifar10_best.keras", monitor="val_accuracy", save_best_only=True),
            ReduceLROnPlateau(monitor="val_loss", factor=0.3, patience=2),
            EarlyStopping(monitor="val_loss", patience=5),
        ],
    )  # fmt: skip

    best = keras.models.load_model("cifar10_best.keras")
    loss, accuracy = best.evaluate(x_test[1000:], y_test[1000:], batch_size=256, verbose=0)
    print(f"best epoch on images it has never seen: loss {loss:.3f}, accuracy {accuracy:.1%}")
    predicted = best.predict(x_test, batch_size=256, verbose=0).argmax(axis=-1)
    for label, name in enumerate(CLASSES):
        of_class = predicted[y_test[:, 0] == label]
        others = [(int((of_class == other).sum()), CLASSES[other]) for other in range(10) if other != label]
        print(f"{name:11} {(of_class == label).mean():6.1%} right, most often taken for: {max(others)[1]}")


if __name__ == "__main__":
    main()
