"""Sans-IO protocol knowledge: bytes and state in, facts out. No socket, no clock, no thread in here."""
