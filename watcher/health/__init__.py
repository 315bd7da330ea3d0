"""What a running watcher says about itself, and what others conclude from that."""
