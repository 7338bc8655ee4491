"""Track D, parallel patterns."""
