"""Matrix products: the ladder from one thread an element to tensor cores. README.md tells its story."""
