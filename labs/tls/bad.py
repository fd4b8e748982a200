"""The sandbox's wrong certificates: one by one, or all in a table with the claims that they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from labctl.events import Event, Hue, Row, Rows, Verdict
from labctl.internet import Internet
from labctl.sandbox.faults import town_under
from labctl.sandbox.town_internet import TownInternet
from labs.telling import note, opening, result
from labs.tls import ladder, tables
from labs.tls.certificates import gap
from labs.tls.claims import CHAIN, LOOK_ALIKE, NAME, REASONS
from labs.tls.failing import alert_sent, failed, why_refused
from labs.tls.oddities import LOOK_ALIKE_HOST, ODD, WRONG, host_of
from labs.tls.reasons import WRONG_NAME
from labs.tls.target import Target
from labs.tls.visit import Seen, Visits
from labs.words import count


class Visited(NamedTuple):
    """One of them: `word` is our reason, "" when the certificate was taken."""

    seen: Seen
    word: str
    sentence: str
    fix: str


def visit(internet: Internet, name: str, habits: frozenset[str]) -> Visited:
    """Shake hands with the host that has it."""
    visits = Visits(internet, Target(host_of(name)), habits)
    intermediate = _intermediate(internet) if "client-knows-intermediates" in habits else ""
    seen = visits.visit(ask=False, tickets=False, also_trusted=intermediate)
    if seen.secured is not None and seen.secured.failure == "certificate":
        why = why_refused(internet, seen)
        return Visited(seen, why.word, why.sentence, why.fix)
    return Visited(seen, "", "", "")


def _intermediate(internet: Internet) -> str:
    assert isinstance(internet, TownInternet)
    pem: bytes = internet.web().certificates.intermediate.cert_pem.bytes()
    return pem.decode("ascii")


def show(internet: Internet, name: str) -> Iterator[Event]:
    """One of them, record by record; or all."""
    habits = town_under(internet.fault).web
    if name == "all":
        yield from _all(internet, habits)
        return
    one = visit(internet, name, habits)
    if not one.seen.ok:
        yield from failed(internet, one.seen)
    else:
        yield opening(f"a handshake with {host_of(name)}", f"{tables.version_of(one.seen)}, accepted")
        yield from ladder.exchanges(one.seen)
        chain = one.seen.chain
        yield tables.chain_table(chain)
        yield note(gap(chain) + " " + tables.validity(chain, internet.date()))
        yield result(_taken(name), "ok" if name in ODD else "warn")
    yield from _judged_one(name, one)


def _taken(name: str) -> str:
    host = host_of(name)
    if name == "look-alike":
        return f"{host}: the certificate is good. It proves who has the name, and says nothing about whom it imitates."
    if name == "tls12":
        return f"{host}: nothing newer than TLS 1.2 is spoken: two round trips, and a certificate for all to read."
    if name == "no-alpn":
        return f"{host}: the server did not answer to ALPN, so HTTP/2 will not be spoken."
    return f"{host}: the certificate was taken, and it is wrong."


def _judged_one(name: str, one: Visited) -> Iterator[Verdict]:
    if name == "missing-intermediate":
        yield _chain(one)
    elif name == "name-in-cn":
        yield _name(one)
    elif name == "look-alike":
        yield _look_alike(one)
    elif name in WRONG and one.seen.ok:
        yield REASONS.judged(False, f"The certificate of {host_of(name)} was taken without a word.")


def _all(internet: Internet, habits: frozenset[str]) -> Iterator[Event]:
    visited = {name: visit(internet, name, habits) for name in (*WRONG, "look-alike")}
    refused = sum(bool(each.word) for each in visited.values())
    yield opening("wrong certificates, each in its own way", f"{refused} of {len(visited)} refused")
    yield _table(visited)
    if refused:
        yield _list(
            "tls.why", "Why, in this very case", {n: v.sentence for n, v in visited.items() if v.word}
        )
        yield _list("tls.mending", "What mends it", {n: v.fix for n, v in visited.items() if v.word})
        yield note(
            "Who refuses says so in an alert, and the alerts are few. OpenSSL's codes say more, on the client's side "
            "only, and some of them are shared too: the certificates themselves tell those apart."
        )
    yield _chain(visited["missing-intermediate"], visited["untrusted-root"])
    yield _name(visited["name-in-cn"])
    yield _reasons(visited)
    yield _look_alike(visited["look-alike"])
    different = len({each.word for each in visited.values() if each.word})
    told = f"{count(refused, 'certificate')} of {len(visited)} refused"
    if not refused:
        yield result(f"None of {len(visited)} certificates was refused: nobody looked at them.", "bad")
    else:
        yield result(f"{told}, each for its own reason." if different == refused else f"{told}.")


def _list(id: str, title: str, said: Mapping[str, str]) -> Rows:
    return Rows(
        f"{title}.",
        id,
        title,
        ("certificate", ""),
        tuple(Row(f"{name}: {text}", (name, text), hues=("mute",)) for name, text in said.items()),
    )


def _table(visited: Mapping[str, Visited]) -> Rows:
    rows = []
    for name, each in visited.items():
        secured = each.seen.secured
        if secured is None:
            continue
        if not each.word:
            taken = "accepted" if each.seen.ok else secured.failure
            hue: Hue = "ok" if each.seen.ok else "warn"
            rows.append(Row(f"{name}: {taken}.", (name, "none", taken), hues=("", "mute", hue)))
            continue
        alert, words = alert_sent(secured) or "none", secured.reason.rstrip(".")
        if secured.verify_code in WRONG_NAME:
            words = "hostname mismatch"
        rows.append(
            Row(
                f"{name}: refused with the alert {alert}; OpenSSL's code is {secured.verify_code}, {words}.",
                (name, alert, f"{secured.verify_code} {words}"),
                hues=("", "bad"),
                data={"verify_code": secured.verify_code, "reason": each.word, "alert": alert},
            )
        )
    return Rows(
        "One handshake with each: what the client sends, and what OpenSSL calls the reason.",
        "tls.bad",
        "One handshake with each",
        ("certificate", "alert sent", "OpenSSL says"),
        tuple(rows),
        show_columns=True,
    )


def _chain(one: Visited, rooted: Visited | None = None) -> Verdict:
    """`rooted` sent a root of its own along."""
    if not one.seen.checked and one.seen.ok:
        return CHAIN.not_seen(_BLIND)
    if rooted is not None and rooted.seen.ok:
        return CHAIN.judged(False, "A root that nobody here knew was trusted because the server sent it.")
    if one.word == "missing-intermediate":
        missing = one.seen.chain.missing
        also = ", and a root that was sent along was not trusted for that" if rooted is not None else ""
        return CHAIN.judged(True, f"Without the certificate of {missing} the server was refused{also}.")
    if one.seen.ok:
        return CHAIN.judged(
            False,
            "The server sent its own certificate only, and was trusted: the client had the other one already.",
        )
    return CHAIN.not_seen("The server could not be visited.")


def _name(one: Visited) -> Verdict:
    if not one.seen.checked and one.seen.ok:
        return NAME.not_seen(_BLIND)
    if one.word == "name-in-cn":
        return NAME.judged(
            True, f"{host_of('name-in-cn')} stands in the common name, and the server was refused."
        )
    if one.seen.ok:
        return NAME.judged(
            False, f"{host_of('name-in-cn')} stands in the common name only, and that was enough."
        )
    return NAME.not_seen("The server could not be visited.")


def _look_alike(one: Visited) -> Verdict:
    if not one.seen.checked and one.seen.ok:
        return LOOK_ALIKE.not_seen(_BLIND)
    if one.seen.ok:
        return LOOK_ALIKE.judged(
            True, f"{LOOK_ALIKE_HOST} has a good certificate: it is {LOOK_ALIKE_HOST} indeed."
        )
    if one.word:
        return LOOK_ALIKE.judged(False, f"{LOOK_ALIKE_HOST} was refused. {one.sentence}")
    return LOOK_ALIKE.not_seen("The server could not be visited.")


_BLIND = "This client takes every certificate, whatever is in it."
# What another claim is about is left out: when that one falls, this one need not.
_OWN_CLAIM = ("missing-intermediate", "name-in-cn", "look-alike")


def _reasons(visited: Mapping[str, Visited]) -> Verdict:
    about = {name: each for name, each in visited.items() if name not in _OWN_CLAIM}
    taken = [name for name, each in about.items() if each.seen.ok]
    if taken:
        return REASONS.judged(
            False,
            f"{count(len(taken), 'wrong certificate')} of {len(about)} taken without a word: {', '.join(taken)}.",
        )
    alerts = {alert_sent(e.seen.secured) for e in about.values() if e.seen.secured is not None}
    words = [each.word for each in about.values()]
    if not all(words):
        return REASONS.not_seen("Not all of the servers could be visited.")
    reasons, codes = len(set(words)), {e.seen.secured.verify_code for e in about.values() if e.seen.secured}
    return REASONS.judged(
        reasons == len(words) and "" not in alerts and len(alerts) < reasons,
        f"{len(words)} certificates were refused for {reasons} reasons, with {len(codes)} of OpenSSL's codes and "
        f"{len(alerts - {''})} alerts.",
    )
