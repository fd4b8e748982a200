"""Two parts of one version become one (RFC 9111 section 3.4, RFC 9110 section 15.3.7.3)."""

from __future__ import annotations

import dataclasses

from labctl.protocols.caching_model import Cut, Part, Stored
from labctl.protocols.caching_validators import is_strong


def joined(old: Stored, new: Stored) -> tuple[Stored, tuple[Cut, ...]] | None:
    """Two parts of one version as one (RFC 9110 section 15.3.7.3); None when they are not neighbours."""
    one, two = old.part, new.part
    if one is None or two is None or not is_strong(old.etag) or old.etag != new.etag:
        return None
    # A part whose body is not as long as its Content-Range says would put the others in the wrong place.
    if old.body_length != one.last - one.first + 1 or new.body_length != two.last - two.first + 1:
        return None
    if old.selecting != new.selecting:
        return None
    cuts: tuple[Cut, ...]
    if one.first <= two.first <= one.last + 1:
        cuts = (Cut("old", 0, two.first - one.first), Cut("new"))
        if two.last < one.last:
            cuts = (*cuts, Cut("old", two.last + 1 - one.first))
    elif two.first <= one.first <= two.last + 1:
        cuts = (Cut("new"), Cut("old", two.last + 1 - one.first)) if two.last < one.last else (Cut("new"),)
    else:
        return None
    complete = two.complete_length if two.complete_length is not None else one.complete_length
    part = Part(min(one.first, two.first), max(one.last, two.last), complete)
    length = part.last - part.first + 1
    names = {name.lower() for name, _ in new.fields}
    fields = (*(pair for pair in old.fields if pair[0].lower() not in names), *new.fields)
    drop = {"content-range", "content-length"}
    fields = tuple(pair for pair in fields if pair[0].lower() not in drop)
    whole = part.first == 0 and complete == length
    form = dataclasses.replace(
        new,
        status=200 if whole else 206,
        reason="OK" if whole else new.reason,
        fields=fields,
        named={**old.named, **new.named},
        part=None if whole else part,
        range_asked="",
        body_length=length,
    )
    return form, cuts
