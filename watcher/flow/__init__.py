"""Captures arrive, are judged and are kept, in this order: the watcher and the sweep."""
