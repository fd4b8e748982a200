"""Demonstrations: one module for each --show."""
