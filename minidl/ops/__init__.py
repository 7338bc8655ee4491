"""The arithmetic: one file an op, forward above backward, in plain NumPy. See `docs/architecture.md` for the contract."""
