"""What is told of a running watcher, and what is concluded from it."""
