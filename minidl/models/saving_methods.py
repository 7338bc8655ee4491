"""The saving methods of Model. They import what they need when they are called, so that h5py is loaded only then."""

from __future__ import annotations

from typing import Any

from minidl.errors import ArgumentError


class SavingMethods:
    """`save`, `save_weights`, `load_weights`, `to_json` and the configuration of a model."""

    name: str
    metrics: Any
    _progress: Any

    def save(self, filepath: Any, overwrite: bool = True, zipped: Any = None, **kwargs: Any) -> None:
        """Save the whole model, as `.keras` or in the older layout as `.h5`; see `models.save_model`."""
        from minidl import saving

        saving.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Save the weights, as `.weights.h5`, `.safetensors` or `.npz`; see `models.saving.save_weights`."""
        from minidl import saving

        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
        """Load weights: all of a file that fits, or nothing; see `models.saving.load_weights`."""
        from minidl import saving

        saving.load_weights(self, filepath, skip_mismatch, by_name)

    def _save_progress(self, filepath: Any, epoch: int, batch: int) -> None:
        """Save the weights and, in the same file, how far training is: `batch` batches of `epoch` are done."""
        from minidl import saving
        from minidl.saving.weights_h5 import Progress

        metrics = [v.numpy() for metric in self.metrics for v in metric.variables] if batch else []
        saving.save_weights(self, filepath, progress=Progress(epoch, batch, metrics))

    def _load_progress(self, filepath: Any) -> None:
        """Load such a file; the next `fit` goes on there."""
        from minidl.saving.weights_h5 import read_progress

        progress = read_progress(filepath)
        self.load_weights(filepath)
        self._progress = progress

    def to_json(self, **kwargs: Any) -> str:
        """Return the configuration as JSON, without weights, for `models.model_from_json`."""
        from minidl.saving.config.model_json import to_json

        return to_json(self, **kwargs)

    def export(self, *_: Any, **__: Any) -> None:
        """Not there: a SavedModel needs TensorFlow."""
        raise ArgumentError(
            "export: minidl writes no SavedModel, TFLite or OpenVINO files. Save with model.save('model.keras'); "
            "Keras loads that file and can export it."
        )

    def get_config(self) -> dict[str, Any]:
        """Return the configuration of a Sequential or functional model.

        Raises
        ------
        ArgumentError : a subclassed model that does not define get_config
        """
        from minidl.models.model import Model
        from minidl.models.sequential import Sequential
        from minidl.saving.config.write_graph import functional_config, sequential_config

        cls: Any = type(self)
        if isinstance(self, Sequential) and cls.__init__ is Sequential.__init__:
            return sequential_config(self)
        if isinstance(self, Model) and cls.__init__ is Model.__init__ and self.graph is not None:
            return functional_config(self)
        if cls.get_config is not SavingMethods.get_config:  # called by a get_config of your own
            config: dict[str, Any] = super().get_config()  # type: ignore[misc]
            return config
        raise ArgumentError(
            f"save: model {self.name!r} is of your own class {cls.__name__}, whose code no file can hold. "
            "Save its weights, model.save_weights('model.weights.h5'), and load them into a new object of the class. "
            f"Or define get_config() in {cls.__name__}, returning its arguments, and decorate it with "
            "minidl.saving.register_keras_serializable()."
        )

    @classmethod
    def from_config(cls, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """Return the model of a configuration, with new weights."""
        from minidl.keras.custom_objects import custom_object_scope
        from minidl.saving.config.read_graph import functional_from_config, sequential_from_config

        with custom_object_scope(custom_objects):
            if isinstance(config, list) or ("layers" in config and "input_layers" not in config):
                return sequential_from_config(cls, config)
            if "input_layers" in config and "layers" in config:
                return functional_from_config(cls, config)
            return cls(**config)
