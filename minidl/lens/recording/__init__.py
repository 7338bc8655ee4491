"""What a training step does, written down while it runs, and the model left as it was."""
