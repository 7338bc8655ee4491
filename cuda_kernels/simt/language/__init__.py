"""The translator: from a kernel's Python source to a program over arrays of threads."""
