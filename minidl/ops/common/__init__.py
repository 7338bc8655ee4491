"""What several ops share: checks of arguments, broadcasting, windows, random numbers."""
