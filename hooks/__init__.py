"""The hooks that come with framesift, one to a file; the names they import are the public ones of ``watcher``."""
