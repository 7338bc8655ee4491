"""What a class looks at: a model op by op, on two backends side by side, over time, in pictures.

A name is imported when it is first used, so that `import minidl` stays quick.
"""

from __future__ import annotations

import importlib
from typing import Any

_FROM = {
    "Comparison": "comparing.comparison",
    "HistogramRecorder": "drawing.histograms",
    "PathRecorder": "drawing.landscape",
    "Provenance": "origins.provenance",
    "PtxComparison": "compiling.comparison",
    "PtxListing": "compiling.listing",
    "PtxSteps": "compiling.steps",
    "Recording": "recording.recording",
    "StepTable": "recording.table",
    "Stepper": "stepping.stepper",
    "Timings": "timing.results",
    "TrainingTrouble": "watching.watching",
    "TrainingWarning": "watching.watching",
    "Watch": "watching.watching",
    "compare": "comparing.comparison",
    "cost": "timing.costs",
    "crossover": "timing.crossovers",
    "formula": "formulas",
    "kernel_source": "compiling.python_text",
    "machine": "timing.machines",
    "plot_activations": "drawing.layers",
    "plot_confusion_matrix": "drawing.training",
    "plot_filters": "drawing.layers",
    "plot_graph": "drawing.graph",
    "plot_histograms": "drawing.histograms",
    "plot_history": "drawing.training",
    "plot_launch": "drawing.launch",
    "plot_loss_landscape": "drawing.landscape",
    "plot_memory": "drawing.memory",
    "plot_roofline": "timing.pictures",
    "plot_timeline": "recording.picture",
    "plot_timings": "timing.pictures",
    "plot_worst_errors": "drawing.errors",
    "provenance": "origins.provenance",
    "ptx": "compiling.listing",
    "record": "recording.recording",
    "record_step": "recording.recording",
    "roofline": "timing.rooflines",
    "step": "stepping.stepper",
    "time": "timing.timing",
    "timeline": "recording.table",
    "training_step": "recording.table",
    "watch": "watching.watching",
}

__all__ = [*_FROM]


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module 'minidl.lens' has no attribute {name!r}")
    return getattr(importlib.import_module(f"minidl.lens.{_FROM[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_FROM])
