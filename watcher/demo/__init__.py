"""A stand-in for the capture job, and the screens that it photographs."""
