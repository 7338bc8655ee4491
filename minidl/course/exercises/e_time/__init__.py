"""Track E, time."""
