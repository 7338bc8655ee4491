"""minidl: deep learning from scratch for the classroom."""
