"""What a class looks at: one training step op by op, curves, confusion matrices."""

from minidl.lens.pictures import plot_confusion_matrix, plot_history
from minidl.lens.steps import StepTable, training_step

__all__ = ["StepTable", "plot_confusion_matrix", "plot_history", "training_step"]
