"""Moving values: transpose, join, cut, pad, stretch, enlarge. README.md tells the story."""
