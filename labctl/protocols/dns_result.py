"""What a walk through the DNS is made of: questions asked, what was heard, and how it ended.

Plain immutable values that import nothing of dnspython, so that anybody can import them early. Names in
here are presentation text (RFC 1035 section 5.1, with escapes), absolute and in lower case; only names
inside `Record.text` are as the peer spelt them. Times are seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import dns.message

AddressSource = Literal["hint", "glue", "resolved", "cache", "given"]
Why = Literal["walk", "alias", "ns-address", "minimised", "next-server", "tcp", "plain"]
Status = Literal["answer", "nodata", "nxdomain", "failed"]
Kind = Literal[
    "answer",
    "alias",
    "referral",
    "nodata",
    "nxdomain",
    "truncated",
    "lame",
    "error",
    "silent",
    "garbage",
    "mismatch",
]


class Hint(Protocol):
    """A name server known beforehand; `internet.NameServer` fits."""

    @property
    def name(self) -> str: ...
    @property
    def addresses(self) -> tuple[str, ...]: ...


class Budget(NamedTuple):
    """How far a walk may go before it gives up.

    `questions` on the wire in all; `ns_per_referral` names of servers whose address is looked up for one
    zone (RFC 9520 and CVE-2020-12662, NXNSAttack); `aliases` CNAME or DNAME steps; `depth` of looking up a
    server's address in order to look up a server's address.
    """

    questions: int = 100
    ns_per_referral: int = 5
    aliases: int = 12
    depth: int = 6


class Record(NamedTuple):
    """One resource record. `type` is the mnemonic ("A"), `text` the data in presentation form."""

    name: str
    type: str
    ttl: int
    text: str


class Server(NamedTuple):
    """One address to ask, the zone it is believed to serve, and where the address came from."""

    zone: str
    name: str
    address: str
    source: AddressSource


class Question(NamedTuple):
    """One message to send. `name` and `type` are what stands on the wire, which may be less than was asked
    for.

    `why` is "plain" when it is asked again without EDNS. `depth` is 0 in the walk for the asked name, and 1
    or more while the address of a name server is looked up. `timeout` is proposed, in seconds.
    """

    number: int
    name: str
    type: str
    server: Server
    via: Literal["udp", "tcp"]
    wire: bytes
    why: Why
    depth: int
    timeout: float


class Heard(NamedTuple):
    """What came of one question. `text` is one sentence, complete on its own.

    `records` are the answer's records that were accepted, without RRSIG unless asked; `scrubbed` the ones
    thrown away, as text with the reason. `glue` are the (name, address) pairs of a referral that were
    accepted. `wire` are the bytes as they came; `message` reads them into a `dns.message.Message` when it
    is looked at.
    """

    question: Question
    kind: Kind
    text: str
    rcode: str = ""
    aa: bool = False
    ra: bool = False
    tc: bool = False
    ad: bool = False
    size: int = 0
    zone: str = ""
    ns: tuple[str, ...] = ()
    glue: tuple[tuple[str, str], ...] = ()
    records: tuple[Record, ...] = ()
    scrubbed: tuple[str, ...] = ()
    soa: Record | None = None
    negative_ttl: int | None = None
    notes: tuple[str, ...] = ()
    failure: str = ""
    wire: bytes = b""

    @property
    def message(self) -> dns.message.Message | None:
        """The whole reply as dnspython reads it; None when there were no bytes, or unreadable ones."""
        # dnspython's reader takes ten times as long as the walk itself: it runs only for who wants to know.
        from labctl.protocols.dns_message import Garbage, read

        message = read(self.wire) if self.wire else Garbage("no bytes")
        return None if isinstance(message, Garbage) else message


class Cut(NamedTuple):
    """A zone passed on the way: its servers as far as their addresses are known, and the names the
    parent gave.
    """

    zone: str
    servers: tuple[Server, ...]
    ns: tuple[str, ...]
    parent: str


class Result(NamedTuple):
    """How a walk ended.

    `records` is the final RRset, `chain` the CNAME and DNAME records that led to `final_name`; `zone` spoke
    last. When `status` is "failed", `why` is one exact sentence and `code` its kebab-case word. `cuts` go
    from the root down, zones of followed aliases after those of the asked name. `questions` counts messages
    sent.
    """

    status: Status
    name: str
    type: str
    records: tuple[Record, ...]
    chain: tuple[Record, ...]
    final_name: str
    zone: str
    negative_ttl: int | None
    soa: Record | None
    why: str
    code: str
    questions: int
    cuts: tuple[Cut, ...]
    text: str
