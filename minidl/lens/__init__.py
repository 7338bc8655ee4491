"""What a class looks at: a model op by op, on two backends side by side, over time, in pictures.

A name is imported when it is first used, so that `import minidl` stays quick.
"""

from __future__ import annotations

import importlib
from typing import Any

_FROM = {
    "Comparison": "comparison",
    "HistogramRecorder": "pictures_histograms",
    "PathRecorder": "pictures_landscape",
    "Provenance": "origins",
    "Recording": "recording",
    "StepTable": "steps",
    "Stepper": "stepper",
    "Timings": "timing_results",
    "TrainingTrouble": "watching",
    "TrainingWarning": "watching",
    "Watch": "watching",
    "compare": "comparison",
    "cost": "costs",
    "crossover": "crossovers",
    "formula": "formulas",
    "machine": "machines",
    "plot_activations": "pictures_layers",
    "plot_confusion_matrix": "pictures",
    "plot_filters": "pictures_layers",
    "plot_graph": "pictures_graph",
    "plot_histograms": "pictures_histograms",
    "plot_history": "pictures",
    "plot_launch": "pictures_launch",
    "plot_loss_landscape": "pictures_landscape",
    "plot_memory": "pictures_memory",
    "plot_roofline": "timing_pictures",
    "plot_timeline": "timeline_picture",
    "plot_timings": "timing_pictures",
    "plot_worst_errors": "pictures_errors",
    "provenance": "origins",
    "record": "recording",
    "record_step": "recording",
    "roofline": "rooflines",
    "step": "stepper",
    "time": "timing",
    "timeline": "timelines",
    "training_step": "steps",
    "watch": "watching",
}

__all__ = [*_FROM]


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module 'minidl.lens' has no attribute {name!r}")
    return getattr(importlib.import_module(f"minidl.lens.{_FROM[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_FROM])
