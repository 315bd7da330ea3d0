"""A verdict is carried out: moves, hooks, purges, retention."""
