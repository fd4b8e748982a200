"""Name servers that send what no name server should: for seeing how an asker takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labctl.sandbox.dns_authority import Authoritative

_LIAR = bytes((203, 0, 113, 66))
_FORGED_RANGE = bytes((203, 0, 113))


class Garbage(Authoritative):
    """Sends the question's id, and then bytes that promise records which are not there."""

    def respond(self, wire: bytes, *, over_udp: bool) -> bytes | None:
        return wire[:2] + b"\x84\0" + b"\0\1\0\5\0\0\0\0" + b"\x3fgarbage" if len(wire) > 2 else None


class Forged(Authoritative):
    """Somebody who guesses ids is quicker than the server: a wrong answer comes first, then the right one."""

    keeps = False

    def handle(self, wire: bytes, over_udp: bool, send: Callable[[bytes], None]) -> None:
        answer = self.respond(wire, over_udp=over_udp)
        if answer is None:
            return
        if over_udp:
            at = answer.find(_FORGED_RANGE)
            lie = answer if at < 0 else answer[:at] + _LIAR + answer[at + 4 :]
            send(bytes((lie[0], lie[1] ^ 0xFF)) + lie[2:])
        send(answer)


STRANGE: Mapping[str, type[Authoritative]] = {"garbage": Garbage, "forged": Forged}
