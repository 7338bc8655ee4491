"""What a translated kernel's program calls: arithmetic, memory, branches and barriers of many threads at once."""
