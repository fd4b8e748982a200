"""What runs in the child: `start.py` is the script, and each server has a module.

The interpreter may be another one than ours, without our dependencies: at the top of a file only the standard library
is imported, `labctl.protocols`, and what is pure in `labctl.serving`.
"""
