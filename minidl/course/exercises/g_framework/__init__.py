"""Track G, the framework."""
