"""One page to look back at a period."""
