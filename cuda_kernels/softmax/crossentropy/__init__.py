"""Cross-entropies of whole rows of classes."""
