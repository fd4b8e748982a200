"""Names and types as people type them: checked, IDNs turned into A-labels, and the names that DNS leaves
alone.

Nothing of dnspython is imported before a type is looked at, and `idna` only for a name that needs it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from labctl.errors import UsageError
from labctl.protocols.dns_labels import Labels, octets, split, to_text

_DOTS = re.compile("[\u3002\uff0e\uff61]")  # full stops of other scripts (RFC 3490 section 3.1)
_ALLOWED = re.compile(rb"[A-Za-z0-9_*-]+")
_PORT = re.compile(r"[^:\[\]]+:\d+")


class Name(NamedTuple):
    """A domain name: `ascii` goes on the wire, `unicode` before people, both absolute and in lower case."""

    ascii: str
    unicode: str
    labels: Labels

    @property
    def is_idn(self) -> bool:
        """Whether the two forms differ."""
        return self.ascii != self.unicode


def parse_name(text: str) -> Name:
    """A name from the command line; a trailing dot is added. Raises UsageError.

    At most 63 octets a label and 255 the name (RFC 1035 section 2.3.4); an octet may be written \\DDD.
    """
    given = text.strip()
    if given == ".":
        return Name(".", ".", ())
    _refuse_url(given)
    plain = given if given.isascii() else _DOTS.sub(".", given)
    stem = plain.removesuffix(".")
    if not stem or stem.startswith(".") or ".." in stem:
        fixed = re.sub(r"\.{2,}", ".", given).strip(".")
        raise UsageError(
            "name-empty-label",
            f"{_shown(given)} has an empty label: something must stand between two dots.",
            fixes=(f"labctl dns {fixed}",) if fixed and re.fullmatch(r"[\w.:%-]+", fixed) else (),
        )
    ascii_text = plain if plain.isascii() else ".".join(map(_to_ascii, plain.split(".")))
    try:
        labels = tuple(label.lower() for label in split(ascii_text))
    except ValueError as error:
        raise UsageError("name-bad-characters", f"{_shown(given)} is not a domain name: {error}.") from error
    _check(given, ascii_text, labels)
    return Name(to_text(labels), ".".join(map(_to_unicode, labels)) + ".", labels)


def _check(given: str, ascii_text: str, labels: Labels) -> None:
    long = next((label for label in labels if len(label) > 63), None)
    if long is not None:
        raise UsageError(
            "name-label-too-long",
            f"a label of {_shown(given)} has {len(long)} octets; 63 is the most (RFC 1035 section 2.3.4).",
        )
    if octets(labels) > 255:
        raise UsageError(
            "name-too-long",
            f"the name is {octets(labels)} octets long; 255 is the most (RFC 1035 section 2.3.4).",
        )
    if "\\" in ascii_text:
        return  # who writes escapes knows what goes on the wire
    for label in labels:
        if _ALLOWED.fullmatch(label) or (b"/" in label and labels[-1:] == (b"arpa",)):  # RFC 2317 has slashes
            continue
        wrong = next(chr(octet) for octet in label if not _ALLOWED.fullmatch(bytes((octet,))))
        raise UsageError(
            "name-bad-characters",
            f"{_shown(given)} contains {_shown(wrong)}, which does not belong in a name to look up.",
            evidence=(("letters, digits", "a-z 0-9 - _ * and dots; any octet as \\DDD"),),
        )


def _refuse_url(given: str) -> None:
    host, what = "", "a URL"
    if "://" in given or given.startswith("//"):
        host = given.split("//", 1)[1]
    elif "@" in given:
        host, what = given, "a mail address"
    elif _PORT.fullmatch(given.split("/", 1)[0]):
        host, what = given, "a host with a port"
    elif "/" in given and not given.rstrip(".").lower().endswith(".arpa"):
        host = given
    if not host:
        return
    host = re.split(r"[/?#]", host, maxsplit=1)[0].rsplit("@", 1)[-1]
    host = re.sub(r":\d*$", "", host)
    raise UsageError(
        "name-is-url",
        f"{_shown(given)} is {what}; DNS wants the name of the host only.",
        evidence=(("did you mean", host),) if host else (),
        fixes=(host,) if re.fullmatch(r"[^\s:\[\]]+", host) else (),
    )


def _to_ascii(label: str) -> str:
    if label.isascii():
        return label
    import idna

    try:
        return idna.encode(label, uts46=True).decode("ascii")
    except UnicodeError as error:  # idna.IDNAError is one
        if "too long" in str(error).lower():
            raise UsageError(
                "name-label-too-long",
                f"the label {_shown(label)} is over 63 octets long as an A-label (RFC 5890 section 2.3.2.1).",
            ) from error
        reason = str(error).rstrip(".")
        raise UsageError(
            "name-idna", f"{_shown(label)} cannot be a label of an internationalised name: {reason}."
        ) from error


def _to_unicode(label: bytes) -> str:
    text = to_text((label,))[:-1]
    if not label.startswith(b"xn--"):
        return text
    import idna

    try:
        shown = str(idna.decode(text))
    except UnicodeError:
        return text
    return shown if shown.isprintable() else text


def _shown(text: str) -> str:
    short = text if len(text) <= 60 else text[:59] + "…"
    return ascii(short) if not short.isprintable() else f"'{short}'"


def reverse_name(address: str) -> str:
    """The name under which an address's PTR record stands (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    from ipaddress import ip_address

    try:
        return ip_address(address.strip().strip("[]").split("%", 1)[0]).reverse_pointer + "."
    except ValueError as error:
        raise UsageError(
            "address-invalid", f"{_shown(address)} is neither an IPv4 nor an IPv6 address."
        ) from error


def parse_type(text: str) -> str:
    """The mnemonic of a record type, upper case; TYPE123 is one too. Raises UsageError."""
    wanted = text.strip().upper()
    import dns.exception
    import dns.rdatatype

    try:
        rdtype = dns.rdatatype.from_text(wanted)
    except (dns.exception.DNSException, ValueError) as error:
        raise _unknown_type(text, wanted) from error
    # 249 to 254 are transfers and other operations, not records; 0 and OPT belong to the protocol itself.
    # 128 (NXNAME) is for the bitmap of a denial only (RFC 9824 section 3.4).
    if rdtype in {0, 41, 128} or 249 <= rdtype <= 254:
        raise UsageError("type-unknown", f"{wanted} is not a type of record that can be looked up.")
    return dns.rdatatype.to_text(rdtype)


def _unknown_type(text: str, wanted: str) -> UsageError:
    from difflib import get_close_matches

    import dns.rdatatype

    known = [rdtype.name.replace("_", "-") for rdtype in dns.rdatatype.RdataType if 0 < rdtype < 249]
    near = get_close_matches(wanted, known, n=1, cutoff=0.6)
    return UsageError(
        "type-unknown",
        f"{_shown(text)} is not a record type." + (f" Did you mean {near[0]}?" if near else ""),
        fixes=(f"--type {near[0]}",) if near else (),
    )


_SPECIAL: tuple[tuple[str, str], ...] = (
    ("localhost", "means this machine and is never asked for in DNS (RFC 6761 section 6.3)"),
    ("onion", "names a Tor service; DNS must not be asked for it (RFC 7686)"),
    ("alt", "is kept for names that are not DNS names at all (RFC 9476)"),
    ("home.arpa", "is for names inside a home network; the public DNS says that it is not here (RFC 8375)"),
    ("invalid", "never exists, by rule (RFC 6761 section 6.4)"),
    ("local", "is asked by multicast on the local link, not of DNS servers (RFC 6762 section 3)"),
    ("internal", "is kept for private use inside a network; the root will never have it (ICANN, 2024)"),
)
_PRIVATE = re.compile(
    r"(^|\.)(((10|168\.192|(1[6-9]|2\d|3[01])\.172|254\.169|127)\.in-addr)|(([89ab]\.e\.f|[cd]\.f)\.ip6))$"
)


def special_name(name: str) -> str | None:
    """Why a name has no business in the public DNS, as a sentence; None when it has."""
    lower = name.lower().rstrip(".")
    for suffix, why in _SPECIAL:
        if lower == suffix or lower.endswith("." + suffix):
            return f"{lower}. {'' if lower == suffix else f'is below {suffix}., which '}{why}."
    if lower.endswith(".arpa") and _PRIVATE.search(lower.removesuffix(".arpa")):
        return f"{lower}. is the reverse name of a private address: only its own network knows it (RFC 6303)."
    return None
