"""How long ops take on each backend, and how long they must take at least."""
