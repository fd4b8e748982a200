"""The jobs lab."""
