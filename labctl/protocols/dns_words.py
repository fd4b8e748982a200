"""The sentences of a walk: one for each reply, one for how it ended."""

from __future__ import annotations

from labctl.protocols.dns_labels import to_text
from labctl.protocols.dns_meaning import Reading
from labctl.protocols.dns_message import rcode_text
from labctl.protocols.dns_result import Question, Record, Result, Server
from labctl.protocols.dns_wire import Reply

_LONG = 100

_FAILURES = {
    "timeout": "did not answer in time",
    "refused": "refused the connection",
    "unreachable": "cannot be reached",
    "reset": "broke the connection off",
    "tls": "failed in the TLS handshake",
    "http": "failed in HTTP",
}


def count(number: int, noun: str) -> str:
    """1 server, 2 servers, 1 address, 2 addresses."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number} {noun if number == 1 else plural}"


def server_text(server: Server) -> str:
    """A server as a person reads it."""
    if server.name in {"", ".", server.address}:
        return server.address
    return f"{server.name} ({server.address})"


def failure_text(failure: str) -> str:
    """What a transport's failure word means, to stand behind the server's name."""
    return _FAILURES.get(failure, f"gave no answer ({failure})" if failure else "gave no answer")


def listed(records: tuple[Record, ...], type: str, limit: int = 4) -> str:
    """Data of records in one line, long ones cut, the rest counted."""
    texts = [rr.text if rr.type == type else f"{rr.type} {rr.text}" for rr in records[:limit]]
    said = ", ".join(text if len(text) <= _LONG else text[: _LONG - 1] + "…" for text in texts)
    return said + (f" and {len(records) - limit} more" if len(records) > limit else "")


def heard_text(
    question: Question, reply: Reply, reading: Reading, records: tuple[Record, ...], then: str
) -> str:
    """What one reply said, as a sentence; `then` is what follows from it, as half a sentence."""
    server, size = server_text(question.server), count(len(reply.wire), "octet")
    final = to_text(reading.final)
    alias = ""
    if reading.steps:
        way = [to_text(step.target) for step in reading.steps]
        way = way if len(way) <= 4 else [*way[:3], "…", way[-1]]
        alias = f"{question.name} is an alias of {', that of '.join(way)}"
    authority = "answers with authority" if reply.aa else "answers"
    if reading.kind == "referral":
        said = f"does not know {question.name} and refers to {count(len(reading.ns), 'server')} of "
        said += f"{to_text(reading.zone)}, {_addresses(reading)}"
    elif reading.kind == "answer":
        data = [rr for rr in records if rr.name == final and rr.type != "CNAME"] or list(records)
        ttl = min((record.ttl for record in data), default=0)
        said = f"{authority}: {alias + ', and ' if alias else ''}{final} has {question.type} "
        said += f"{listed(tuple(data), question.type)}, TTL {ttl} s"
    elif reading.kind == "alias":
        ttl = min((record.ttl for record in records), default=0)
        said = f"{authority}: {alias or 'an alias'}, TTL {ttl} s"
        if reading.overflow:
            said = (
                f"{authority}, but the DNAME makes {final} longer than 255 octets ({rcode_text(reply.rcode)})"
            )
    elif reading.kind in {"nodata", "nxdomain"}:
        no = "does not exist" if reading.kind == "nxdomain" else f"has no {question.type} record"
        said = f"{authority}: {alias + ', and ' if alias else ''}{final} {no}"
        if reading.negative_ttl is not None:
            said += f", which may be remembered for {reading.negative_ttl} s"
    else:
        said = reading.why
    return f"{server} {said}; {size}{then}."


def _addresses(reading: Reading) -> str:
    have = len({name for name, _ in reading.glue})
    if have == len(reading.ns):
        return "with address" if have == 1 else "all with address"
    return f"{have} of them with address" if have else "without address"


def ended_text(result: Result) -> str:
    """How a walk ended, with the number of questions it took."""
    name = "the root (.)" if result.name == "." else result.name
    took = f"after {count(result.questions, 'question')}"
    if not result.questions:
        took = "from memory, without a question"
    via = f" (an alias leads to {result.final_name})" if result.chain else ""
    if result.status == "answer":
        ttl = min((record.ttl for record in result.records), default=0)
        return f"{name} has {result.type} {listed(result.records, result.type)}{via}, TTL {ttl} s, {took}."
    remembered = (
        f", and that may be remembered for {result.negative_ttl} s" if result.negative_ttl is not None else ""
    )
    if result.status == "nodata":
        return f"{result.final_name} exists and has no {result.type} record{via}{remembered}, {took}."
    if result.status == "nxdomain":
        return f"{result.final_name} does not exist{via}{remembered}, {took}."
    return f"{name} {result.type} could not be found out {took}: {result.why}"
