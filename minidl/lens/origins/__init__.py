"""Where a cell of a result comes from: input cells, the op, the thread."""
