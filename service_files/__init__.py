"""Templates of the background services."""
