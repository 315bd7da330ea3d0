"""A file becomes a capture: events, looks at the folders, and when a file is whole."""
