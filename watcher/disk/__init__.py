"""The names on the disk: the only door to renaming, linking and removing files."""
