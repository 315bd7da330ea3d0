"""The values that cross every border: no files, no tensors, no SQL."""
