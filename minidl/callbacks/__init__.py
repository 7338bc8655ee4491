"""Callbacks: what happens beside training: stopping, saving, logging, drawing."""

from minidl.callbacks.callback import Callback, History, LambdaCallback
from minidl.callbacks.callback_list import CallbackList
from minidl.callbacks.checkpoint import BackupAndRestore, ModelCheckpoint
from minidl.callbacks.live_plot import LivePlot
from minidl.callbacks.monitor import EarlyStopping, ReduceLROnPlateau
from minidl.callbacks.progbar_logger import ProgbarLogger
from minidl.callbacks.progress import Progbar
from minidl.callbacks.schedule import CSVLogger, LearningRateScheduler, TerminateOnNaN
from minidl.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback",
    "LearningRateScheduler", "LivePlot", "ModelCheckpoint", "Progbar", "ProgbarLogger", "ReduceLROnPlateau",
    "TensorBoard", "TerminateOnNaN",
]  # fmt: skip
