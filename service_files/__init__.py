"""Templates of the background services: their fixed parts; `watcher.services` fills in the rest."""
