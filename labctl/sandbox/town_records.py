"""Lines of master-file text that every zone needs: its apex, its delegations, its name servers' addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

DAY = 86_400


class Host(NamedTuple):
    """A name server's name and its addresses as text; `v6` may be ""."""

    name: str
    v4: str
    v6: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """IPv4 first."""
        return (self.v4, self.v6) if self.v6 else (self.v4,)


def addresses(hosts: Iterable[Host], ttl: int = DAY) -> tuple[str, ...]:
    """A and AAAA records of these hosts."""
    lines: list[str] = []
    for host in hosts:
        lines.append(f"{host.name} {ttl} IN A {host.v4}")
        if host.v6:
            lines.append(f"{host.name} {ttl} IN AAAA {host.v6}")
    return tuple(lines)


def delegation(child: str, hosts: Iterable[Host], ttl: int = DAY, *, glue: bool = True) -> tuple[str, ...]:
    """What a parent says about a child zone: its NS set, and glue."""
    hosts = tuple(hosts)
    names = tuple(f"{child} {ttl} IN NS {host.name}" for host in hosts)
    return names + (addresses(hosts, ttl) if glue else ())


def apex(
    origin: str,
    hosts: Iterable[Host],
    *,
    primary: str = "",
    mailbox: str = "",
    serial: int = 2026110101,
    ttl: int = DAY,
    soa_ttl: int = 3600,
    minimum: int = 300,
) -> tuple[str, ...]:
    """SOA and NS set. A "no" may be remembered min(`soa_ttl`, `minimum`) seconds (RFC 2308 section 5)."""
    hosts = tuple(hosts)
    under = "" if origin == "." else origin
    soa = f"{primary or hosts[0].name} {mailbox or f'hostmaster.{under}'}"
    return (
        f"{origin} {soa_ttl} IN SOA {soa} {serial} 7200 3600 1209600 {minimum}",
        *(f"{origin} {ttl} IN NS {host.name}" for host in hosts),
    )
