"""Pictures of training, networks, weights, losses and launches."""
