"""What makes a model learn: `compile`, `fit`, `evaluate`, `predict`."""
