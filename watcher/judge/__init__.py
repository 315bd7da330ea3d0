"""A capture becomes a verdict: frames, signatures, bounds, windows. The only door to tensors."""
