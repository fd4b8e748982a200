"""From the bytes that came back to what they mean: one question, one judgement. Pure, and never raises."""

from __future__ import annotations

from dataclasses import dataclass, field

from labctl.protocols.dns_echo import echo_notes, mismatch
from labctl.protocols.dns_labels import from_text, to_text
from labctl.protocols.dns_lookup import Sent
from labctl.protocols.dns_meaning import Reading
from labctl.protocols.dns_message import edns_notes, rcode_text
from labctl.protocols.dns_reading import classify
from labctl.protocols.dns_records import record
from labctl.protocols.dns_result import Heard, Kind, Record
from labctl.protocols.dns_wire import Garbage, Reply, parse
from labctl.protocols.dns_words import count, failure_text, heard_text, server_text

_FORMERR, _NOTIMP, _BADVERS = 1, 4, 16


@dataclass
class Judged:
    """What came of one question. `why` is half a sentence behind the server's name, when nothing could
    be used.
    """

    kind: Kind
    why: str
    reply: Reply | None = None
    reading: Reading | None = None
    notes: list[str] = field(default_factory=list)
    failure: str = ""

    @property
    def edns_may_be_the_trouble(self) -> bool:
        return self.reply is not None and self.reply.rcode in {_FORMERR, _NOTIMP, _BADVERS}


def judge(sent: Sent, wire: bytes | None, failure: str, *, anyone: bool) -> Judged:
    """Judge what came back, or that nothing did. `anyone` as in `classify`."""
    if wire is None:
        return Judged("silent", failure_text(failure), failure=failure or "timeout")
    reply = parse(wire)
    if isinstance(reply, Garbage):
        return Judged("garbage", f"sent {count(len(wire), 'octet')} that are no DNS message: {reply.reason}")
    question = sent.question
    if why := mismatch(reply, question.wire):
        return Judged("mismatch", why, reply)
    notes = echo_notes(reply, question.wire)
    if reply.edns is not None:
        notes += edns_notes(reply.edns)
    if reply.tc and question.via == "udp":
        return Judged("truncated", "cut its answer off, because it does not fit (TC)", reply, notes=notes)
    if reply.tc:
        notes.append("The reply came over TCP and says that it is cut off (TC) all the same.")
    reading = classify(reply, sent.name, sent.rdtype, from_text(question.server.zone), anyone=anyone)
    return Judged(reading.kind, reading.why, reply, reading, notes + reading.notes)


def heard_of(sent: Sent, judged: Judged, wire: bytes | None, then: str) -> Heard:
    """The judgement for whoever watches; `then` is what follows from it, as half a sentence."""
    reply, reading, question = judged.reply, judged.reading, sent.question
    if reply is None:
        return Heard(
            question,
            judged.kind,
            f"{server_text(question.server)} {judged.why}{then}.",
            size=len(wire or b""),
            failure=judged.failure,
            wire=wire or b"",
        )
    records: tuple[Record, ...] = ()
    if reading is None:
        text = f"{server_text(question.server)} {judged.why}; {count(len(reply.wire), 'octet')}{then}."
        reading = Reading(judged.kind, sent.name)
    else:
        records = _records(reading)
        text = heard_text(question, reply, reading, records, then)
    return Heard(
        question,
        judged.kind,
        text,
        rcode=rcode_text(reply.rcode),
        aa=reply.aa,
        ra=reply.ra,
        tc=reply.tc,
        ad=reply.ad,
        size=len(reply.wire),
        zone=to_text(reading.zone) if reading.kind == "referral" else "",
        ns=tuple(map(to_text, reading.ns)),
        glue=tuple((to_text(name), address) for name, address in reading.glue),
        records=records,
        scrubbed=tuple(reading.scrubbed),
        soa=record(reading.soa) if reading.soa is not None and reading.negative_ttl is not None else None,
        negative_ttl=reading.negative_ttl,
        notes=tuple(judged.notes),
        wire=reply.wire,
    )


def _records(reading: Reading) -> tuple[Record, ...]:
    records = []
    for step in reading.steps:
        records.append(record(step.record))
        if step.record.owner != step.owner:  # a DNAME: the CNAME that it stands for
            records.append(Record(to_text(step.owner), "CNAME", step.record.ttl, to_text(step.target)))
    return (*records, *map(record, reading.records))
