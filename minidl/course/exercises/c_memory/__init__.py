"""Track C, memory."""
