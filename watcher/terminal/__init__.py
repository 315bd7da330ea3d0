"""What a person sees on the terminal and in the log. The only door to rich."""
