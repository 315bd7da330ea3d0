"""framesift: keeps the distinct screens of a folder of screen captures, and quarantines the rest."""

__version__ = "0.1.0"
