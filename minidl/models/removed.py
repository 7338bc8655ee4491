"""Methods of Model that Keras had once: looking for one says what to use instead."""

from __future__ import annotations

from typing import Any


def _removed(name: str, instead: str) -> Any:
    def raise_error(self: Any) -> Any:
        raise AttributeError(f"Model.{name} is no longer there; use {instead} instead.")

    raise_error.__name__ = name
    return property(raise_error, doc=f"Removed from Keras: use {instead}.")


class RemovedMethods:
    """The names of removed methods."""

    fit_generator = _removed("fit_generator", "model.fit, which takes generators,")
    evaluate_generator = _removed("evaluate_generator", "model.evaluate, which takes generators,")
    predict_generator = _removed("predict_generator", "model.predict, which takes generators,")
    predict_classes = _removed("predict_classes", "model.predict(x).argmax(axis=-1)")
    predict_proba = _removed("predict_proba", "model.predict(x)")
