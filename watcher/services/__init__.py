"""The watcher as a background service: one module a service manager, and what is the same with all of them."""
