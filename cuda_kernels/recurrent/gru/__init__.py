"""The gated recurrent unit, in both of its forms."""
