"""Recurrent ops: the simple cell, LSTM and GRU."""
