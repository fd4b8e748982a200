"""What signatures and NSEC records say of themselves, read off a reply. Verifying is the chain's business."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.protocols.dns_result import Heard


def _records(heard: Heard, kind: str) -> Iterator[tuple[object, object]]:
    """(owner, data) of every record of this type in the reply, as dnspython's Name and Rdata."""
    from labctl.protocols.dns_import import dns
    from labctl.protocols.dns_message import read

    message = read(heard.wire)
    for rrset in [*getattr(message, "answer", []), *getattr(message, "authority", [])]:
        if rrset.rdtype == dns.rdatatype.from_text(kind):
            for rdata in rrset:
                yield rrset.name, rdata


def validity(heard: Heard) -> list[tuple[int, int]]:
    """(inception, expiration) of the reply's signatures, POSIX seconds (RFC 4034 section 3.1.5)."""
    return [(data.inception, data.expiration) for _, data in _records(heard, "RRSIG")]  # type: ignore[attr-defined]


def has_names_below(heard: Heard, name: str) -> bool:
    """Whether an NSEC of the reply has a next name below `name`, or one that `name` itself owns has.

    Then `name` exists, with or without records (RFC 4592 section 2.2.2).
    """
    from labctl.protocols.dns_import import dns

    asked = dns.name.from_text(name)
    return any(
        data.next != asked and data.next.is_subdomain(asked)  # type: ignore[attr-defined]
        for owner, data in _records(heard, "NSEC")
        if owner != asked
    )
