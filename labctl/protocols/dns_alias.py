"""Aliases inside one answer: CNAME (RFC 1034 section 3.6.2) and DNAME (RFC 6672)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from labctl.protocols.dns_labels import Labels, is_at_or_below, octets
from labctl.protocols.dns_types import ANY, CNAME, DNAME
from labctl.protocols.dns_wire import RR, Unreadable


class AliasStep(NamedTuple):
    """From one name to the next, by the CNAME or DNAME record that says so.

    `also` are CNAME records that say the same: what the server made of a DNAME, or repetitions.
    """

    owner: Labels
    target: Labels
    record: RR
    also: tuple[RR, ...] = ()


@dataclass
class Followed:
    """How far one answer section leads from a name.

    `records` are those of the asked type at `final`. `wrong` are records refused, with why. `overflow`: a
    DNAME makes a name of over 255 octets. `loop`: the chain came back to a name it had been at.
    """

    final: Labels
    steps: list[AliasStep] = field(default_factory=list)
    records: list[RR] = field(default_factory=list)
    wrong: list[tuple[RR, str]] = field(default_factory=list)
    overflow: bool = False
    loop: bool = False


def follow(name: Labels, rdtype: int, answer: list[RR], zone: Labels) -> Followed:
    """Follow the aliases of an answer as long as they stay inside the zone that the server speaks for.

    The server is believed for names at or below `zone` only: a step that leaves it is taken, what is said
    about the name behind it is not (RFC 2181 section 5.4.1, RFC 5452 section 6).
    """
    at: dict[Labels, list[RR]] = {}
    dnames = []
    for rr in answer:
        at.setdefault(rr.owner, []).append(rr)
        if rr.rdtype == DNAME and is_at_or_below(rr.owner, zone):
            dnames.append(rr)
    followed = Followed(name)
    visited = {name}
    while is_at_or_below(followed.final, zone):
        here = at.get(followed.final, [])
        followed.records = [rr for rr in here if rr.rdtype == rdtype or rdtype == ANY]
        if followed.records or followed.loop:
            break
        step = _step(followed, [rr for rr in here if rr.rdtype == CNAME], dnames)
        if step is None:
            break
        followed.steps.append(step)
        followed.final = step.target
        followed.loop = step.target in visited
        if followed.loop:
            break
        visited.add(step.target)
    return followed


def _step(followed: Followed, cnames: list[RR], dnames: list[RR]) -> AliasStep | None:
    name = followed.final
    for dname in dnames:
        if len(name) <= len(dname.owner) or not is_at_or_below(name, dname.owner):
            continue
        try:
            target = name[: len(name) - len(dname.owner)] + dname.target()
        except Unreadable as error:
            followed.wrong.append((dname, f"malformed: {error}"))
            continue
        if octets(target) > 255:
            followed.overflow = True
            return None
        made: tuple[RR, ...] = ()
        for cname in cnames:
            if _target(followed, cname) == target:
                made += (cname,)
            else:
                followed.wrong.append((cname, "not what the DNAME makes of the name, RFC 6672 section 3.1"))
        return AliasStep(name, target, dname, made)
    for cname in cnames:
        if (to := _target(followed, cname)) is not None:
            for other in cnames:
                if _target(followed, other) != to:
                    followed.wrong.append((other, "a second CNAME at one name, RFC 2181 section 10.1"))
            same = tuple(other for other in cnames if other is not cname)
            return AliasStep(name, to, cname, same)
    return None


def _target(followed: Followed, cname: RR) -> Labels | None:
    try:
        return cname.target()
    except Unreadable as error:
        followed.wrong.append((cname, f"malformed: {error}"))
        return None
