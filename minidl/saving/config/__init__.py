"""A model's configuration as JSON, in Keras' form, written and read."""
