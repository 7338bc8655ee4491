"""Keras' room: what is here for programs and files that were written for Keras, and for them alone."""
