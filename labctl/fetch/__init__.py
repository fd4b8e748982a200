"""Fetch over an internet: look up, connect, secure, ask, with every time kept. Sockets come from `Internet.dial`."""
