"""Arrays that lie on a device: how they move, the ledger of every move, and the pools that their memory comes from."""
