"""The exercises' public halves, a folder a track. Their banks, with solutions, are in the repository's `course/`."""
