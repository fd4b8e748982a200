"""The town's recursive resolver: walks the tree for its askers and remembers what it learnt.

Built on the walker and its cache. It does not validate; for whoever sets DO it asks with DO, keeps signatures
and proofs, and hands them on, so that a validating forwarder can stand behind it (RFC 4035 section 3.2). Who
does not set DO must not make a whole tree of zones be signed. RD=0 is answered out of memory only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import dns.edns
import dns.flags
import dns.message
import dns.rdataclass
from dns.message import Message, QueryMessage
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset

from labctl.internet import Reply, Via
from labctl.protocols.dns_result import Hint, Result
from labctl.protocols.dns_walk import Walk
from labctl.sandbox.dns_messages import COMPACT_OK, PAYLOAD, bad_version, read_question, to_bytes
from labctl.sandbox.dns_proofs import NXNAME
from labctl.sandbox.resolver_memory import Found, Memory
from labctl.sandbox.town import ResolverManners

# The town is near: whoever says nothing for this long is dead, and the next one is asked. Seconds.
_PATIENCE = 0.5
_MOST_WALKS = 64
_DENIAL_TYPES = (RdataType.RRSIG, RdataType.NSEC, RdataType.NSEC3)


class Ask(Protocol):
    """Sends a question to a town address."""

    def __call__(self, address: str, wire: bytes, *, via: Via, timeout: float) -> Reply: ...


class Recursive:
    """One recursive resolver, without its sockets. `dns_server.Service`."""

    # Answers change: TTLs count down.
    keeps = False

    def __init__(
        self,
        ask: Ask,
        hints: tuple[Hint, ...],
        clock: Callable[[], float],
        manners: ResolverManners,
        latency: float,
        crashes: list[BaseException],
    ) -> None:
        self._ask = ask
        self._hints = hints
        self._clock = clock
        self._manners = manners
        self._latency = latency
        self._crashes = crashes
        self._memory = Memory(clock, manners)
        self._lock = threading.Lock()
        self._walking: set[threading.Thread] = set()

    def handle(self, wire: bytes, over_udp: bool, send: Callable[[bytes], None]) -> None:
        """Answer at once out of memory, or walk in a thread of the question's own."""
        question = read_question(wire)
        if question is None:
            return
        if isinstance(question, bytes):
            send(question)
            return
        reply = self._from_memory(question)
        if reply is not None:
            send(to_bytes(reply, question, cut=over_udp))
            return

        def walk() -> None:
            try:
                send(to_bytes(self._by_walking(question), question, cut=over_udp))
            finally:
                with self._lock:
                    self._walking.discard(threading.current_thread())

        thread = threading.Thread(target=walk, name="sandbox resolver")
        with self._lock:
            busy = len(self._walking) >= _MOST_WALKS
            if not busy:
                self._walking.add(thread)
        if busy:
            reply = _failure(question, Rcode.SERVFAIL, "too many walks at once")
            send(to_bytes(reply, question, cut=over_udp))
        else:
            thread.start()

    def answer(self, wire: bytes) -> bytes:
        """The whole answer, in the caller's thread: for DNS over TLS and HTTPS. b"": none."""
        question = read_question(wire)
        if question is None or isinstance(question, bytes):
            return question or b""
        reply = self._from_memory(question) or self._by_walking(question)
        if self._latency:
            time.sleep(self._latency)
        return to_bytes(reply, question, cut=False)

    def join(self) -> None:
        """Wait for the walks that are under way."""
        with self._lock:
            walking = tuple(self._walking)
        for thread in walking:
            thread.join()

    def _from_memory(self, question: QueryMessage) -> Message | None:
        """The answer without a walk, or None when only a walk can tell."""
        asked = question.question[0]
        if question.edns > 0:
            return bad_version(_response(question))
        if asked.rdclass != dns.rdataclass.IN or asked.rdtype in (RdataType.AXFR, RdataType.IXFR):
            return _failure(question, Rcode.REFUSED, "only questions of class IN, no transfers")
        if asked.rdtype in (RdataType.OPT, NXNAME):
            return _failure(question, Rcode.FORMERR, "this type cannot be asked for")
        if asked.rdtype == RdataType.ANY:  # minimal, and never from a walk (RFC 8482 section 4.2)
            reply = _response(question)
            reply.answer.append(dns.rrset.from_text(asked.name, 3600, "IN", "HINFO", 'RFC8482 ""'))
            return reply
        with self._lock:
            found = self._memory.follow(asked.name, asked.rdtype, signed=_signed(question))
        if found.complete:
            return self._reply(question, found, remembered=True)
        return None if question.flags & dns.flags.RD else _response(question)

    def _by_walking(self, question: QueryMessage) -> Message:
        try:
            return self._walked(question)
        except Exception as error:  # a bug of ours must not leave the asker without an answer
            self._crashes.append(error)
            return _failure(question, Rcode.SERVFAIL, f"the resolver stumbled: {type(error).__name__}")

    def _walked(self, question: QueryMessage) -> Message:
        memory = self._memory if self._manners.keeps_answers else Memory(self._clock, self._manners)
        result = self._walk(question, memory)
        if result.status == "failed":
            return _failure(question, Rcode.SERVFAIL, result.why, unreachable="alias" not in result.code)
        asked = question.question[0]
        with self._lock:
            found = memory.follow(asked.name, asked.rdtype, signed=_signed(question))
            if not self._manners.keeps_denials:
                memory.drop_denials()
        if not found.complete:
            return _failure(question, Rcode.SERVFAIL, "what was found may not be remembered")
        return self._reply(question, found, remembered=False)

    def _walk(self, question: QueryMessage, memory: Memory) -> Result:
        """Ask the tree; the memory is touched under the lock, the waiting is not."""
        asked = question.question[0]
        with self._lock:
            walk = Walk(
                asked.name.to_text(),
                RdataType.to_text(asked.rdtype),
                self._hints,
                clock=self._clock,
                cache=memory,
                dnssec=_signed(question),
            )
            step = walk.next_question()
        while step is not None:
            heard = self._ask(
                step.server.address, step.wire, via=step.via, timeout=min(step.timeout, _PATIENCE)
            )
            with self._lock:
                walk.hear(heard.wire, failure=heard.failure or "timeout")
                step = walk.next_question()
        return walk.result

    def _reply(self, question: QueryMessage, found: Found, *, remembered: bool) -> Message:
        reply = _response(question)
        if remembered and self._manners.claims_authority:
            reply.flags |= dns.flags.AA
        reply.answer += _once(found.answer)
        reply.authority += _once(found.authority)
        reply.set_rcode(found.rcode)
        if not question.ednsflags & dns.flags.DO:
            asked = question.question[0].rdtype
            for section in (reply.answer, reply.authority):
                section[:] = [r for r in section if r.rdtype not in _DENIAL_TYPES or r.rdtype == asked]
        elif not question.ednsflags & COMPACT_OK and any(
            NXNAME in _bitmap(r) for r in reply.authority if r.rdtype == RdataType.NSEC
        ):
            # A compact denial keeps its NOERROR on the way to a validator (RFC 9824 section 4).
            reply.set_rcode(Rcode.NOERROR)
        return reply


def _signed(question: QueryMessage) -> bool:
    """Whether only an answer with its signatures will do."""
    return bool(question.ednsflags & dns.flags.DO) or question.question[0].rdtype in _DENIAL_TYPES


def _response(question: QueryMessage) -> Message:
    reply = dns.message.make_response(question, recursion_available=True, our_payload=PAYLOAD)
    reply.flags &= ~dns.flags.AD
    reply.flags |= question.flags & dns.flags.CD
    return reply


def _failure(question: QueryMessage, rcode: Rcode, why: str, *, unreachable: bool = False) -> Message:
    """SERVFAIL and its kin, with the reason as an extended error (RFC 8914)."""
    reply = _response(question)
    reply.set_rcode(rcode)
    if question.edns >= 0:
        code = dns.edns.EDECode.NO_REACHABLE_AUTHORITY if unreachable else dns.edns.EDECode.OTHER
        option = dns.edns.EDEOption(code, why[:400])
        reply.use_edns(0, ednsflags=reply.ednsflags, payload=PAYLOAD, options=[option])
    return reply


def _once(rrsets: list[RRset]) -> list[RRset]:
    """The sets without repetitions: a proof may belong to two steps of a chain."""
    seen: dict[tuple[object, object, object], RRset] = {}
    for rrset in rrsets:
        seen.setdefault((rrset.name, rrset.rdtype, rrset.covers), rrset)
    return list(seen.values())


def _bitmap(nsec: RRset) -> set[int]:
    """The types that a denial record says exist."""
    return {
        window * 256 + octet * 8 + bit
        for window, octets in nsec[0].windows
        for octet, value in enumerate(octets)
        for bit in range(8)
        if value & 0x80 >> bit
    }
