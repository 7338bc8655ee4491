"""The simple recurrent cell."""
