"""Whether text is an IP address, as everything that keeps something for a name has to know."""

from __future__ import annotations


def is_address(text: str) -> bool:
    """IPv4 with four decimal parts, or IPv6 without brackets, also with the zone of a link (RFC 4007 section 11)."""
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        return False
    return True
