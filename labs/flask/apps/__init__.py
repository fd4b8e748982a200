"""The lab's own applications. They are imported in children only: this module is all that labctl's process reads."""

# How long the slow parts of streaming.py take, in seconds.
SLOW_S = 0.15
