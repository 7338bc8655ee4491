"""What a launch is made of: its threads, the masks over them, arrays, and the values that are no numbers."""
