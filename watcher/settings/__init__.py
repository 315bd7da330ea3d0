"""What the user may choose, where it was given, and where framesift's own files are."""
