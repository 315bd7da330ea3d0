"""The watcher as a background service: one module for each service manager, and what all of them share."""
