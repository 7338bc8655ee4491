"""Recurrent cells: a product a step and one fused kernel for the gates. README.md tells the story."""
from . import gru, lstm, simple_rnn

RUNGS = (*simple_rnn.RUNGS, *lstm.RUNGS, *gru.RUNGS)
