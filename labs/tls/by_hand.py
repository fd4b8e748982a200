"""The footer: the same with the system's own tools, and what to run next."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Step
from labs.telling import command
from labs.tls.oddities import WRONG
from labs.tls.target import Target

# From one demonstration to the one that asks what it leaves open.
_NEXT = {
    "all": "labctl tls --show termination",
    "expired": "labctl tls --bad not-yet-valid",
    "not-yet-valid": "labctl tls --bad wrong-name",
    "wrong-name": "labctl tls --bad name-in-cn",
    "name-in-cn": "labctl tls --bad unknown-issuer",
    "unknown-issuer": "labctl tls --bad untrusted-root",
    "untrusted-root": "labctl tls --bad missing-intermediate",
    "missing-intermediate": "labctl tls --bad self-signed",
    "self-signed": "labctl tls --bad weak",
    "weak": "labctl tls --bad wrong-purpose",
    "wrong-purpose": "labctl tls --bad look-alike",
    "look-alike": "labctl tls --bad all",
}


def openssl(target: Target) -> str:
    """`openssl s_client` that asks for the name, checks it, and gives up when something is wrong, as we do."""
    if target.address:
        checks = f"-verify_ip {target.host}"
    else:
        checks = f"-servername {target.host} -verify_hostname {target.host}"
    return f"openssl s_client -connect {target.connect} {checks} -verify_return_error"


def footer(
    kind: str,
    target: Target,
    bad: str | None,
    show: str | None,
    tls: str | None,
    resume: bool,
    refused: str = "",
) -> Iterator[Step]:
    """What to type. `refused` is the word for why the target's certificate was refused."""
    if show:
        yield command(
            "by hand", "labctl shell -- curl -v http://origin.shop.test/api/cart", "as the edge asks"
        )
        yield command("next", "labctl http")
        return
    if bad:
        from labs.tls.oddities import host_of

        host = host_of("expired" if bad == "all" else bad)
        taken = "curl takes it: it still reads the common name" if bad == "name-in-cn" else ""
        yield command("by hand", f"labctl shell -- curl -v https://{host}/", taken)
        yield command("next", _NEXT.get(bad, "labctl tls --bad all"))
        return
    line = openssl(target)
    if tls:
        line += f" -tls{tls.replace('.', '_')}"
    if resume:
        line = f"{openssl(target)} -tls1_2 -reconnect"
    taken = "OpenSSL takes it: it still reads the common name" if refused == "name-in-cn" else ""
    yield command("by hand", f"labctl shell -- {line}" if kind == "sandbox" else line, taken)
    if refused in WRONG:
        yield command("next", f"labctl tls --bad {refused}", "the same in the sandbox")
    else:
        yield command("next", "labctl tls --bad all" if not resume else "labctl tls --tls 1.2")
