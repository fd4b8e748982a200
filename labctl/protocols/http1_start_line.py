"""The first line of an HTTP/1.1 message: method, target and version, or version, status and reason (RFC 9112)."""

from __future__ import annotations

from labctl.protocols.http1_fields import MessageError, is_token
from labctl.protocols.remembering import remembered


def request_line(line: str) -> tuple[str, str, str]:
    """Method, target and version ("1.1" or "1.0") of RFC 9112 section 3. Raises MessageError."""
    parts = line.split(" ")
    if len(parts) != 3:
        raise MessageError("bad-start-line", f"A request line has three parts, this one {len(parts)}.")
    method, target, protocol = parts
    version = "1.1" if protocol == "HTTP/1.1" else _version(protocol)
    if method != "GET" and not is_token(method):
        raise MessageError("bad-start-line", f"{method[:40]!r} is no method.")
    if target[:1] != "/" or not target.isascii() or "\t" in target:
        _check_target(method, target)
    return method, target, version


@remembered
def status_line(line: str) -> tuple[str, int, str]:
    """Version, status and reason, which may be empty (RFC 9112 section 4). Raises MessageError."""
    protocol, _, rest = line.partition(" ")
    version = "1.1" if protocol == "HTTP/1.1" else _version(protocol)
    digits, _, reason = rest.partition(" ")
    if not (len(digits) == 3 and digits.isascii() and digits.isdigit() and digits >= "100"):
        raise MessageError("bad-start-line", f"{digits[:40]!r} is no status code.")
    return version, int(digits), reason


def _version(protocol: str) -> str:
    """Raises MessageError version-unknown (505) for another major version."""
    if len(protocol) == 8 and protocol.startswith("HTTP/") and protocol[6] == ".":
        major, minor = protocol[5], protocol[7]
        if major.isascii() and minor.isascii() and major.isdigit() and minor.isdigit():
            if (
                major == "1"
            ):  # a higher minor version is read as the highest that is known (RFC 9110 section 2.5)
                return "1.0" if minor == "0" else "1.1"
            raise MessageError("version-unknown", f"{protocol} is not spoken here, HTTP/1.1 is.", 505)
    raise MessageError("bad-start-line", f"{protocol[:40]!r} is no version of HTTP.")


def _check_target(method: str, target: str) -> None:
    """The four forms of RFC 9112 section 3.2."""
    printable = target.isascii() and "\t" not in target
    if (
        printable
        and target
        and (
            target.startswith("/")
            or (target == "*" and method == "OPTIONS")
            or (method == "CONNECT" and ":" in target)
            or (method != "CONNECT" and target.partition("://")[0].isalpha() and "://" in target)
        )
    ):
        return
    raise MessageError("bad-start-line", f"{target[:40]!r} is no request target.")
