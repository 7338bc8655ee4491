"""A training step to walk through op by op, forwards and back: in a terminal, a notebook, a page."""
