"""The way of a request in this lab: a visitor, a CDN edge, a reverse proxy, an app, and what each of them saw."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from labctl.internet import Internet
from labctl.protocols.http1 import Fields, read_request_head, write_request_head
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_street import HOST, LOCAL, Street
from labctl.sandbox.proxy_tap import Talk, Tap
from labctl.serving.asking import Address, Answer, Connection, ask
from labctl.serving.standing import Standing
from labs.proxy.front import Front

APPS = "labs.proxy.apps"


class FlaskSaw(NamedTuple):
    """What Flask's request says behind ProxyFix with one count."""

    remote_addr: str
    scheme: str
    host: str
    url: str


class Seen(NamedTuple):
    """One request and its traces: the fields as each hop sent them, what the app saw. Times in seconds since it began.

    `counts[n]` is behind ProxyFix(x_for=n). `moments`: asked at the CDN's end, at the app; answered by the app, by the
    proxy, at the visitor. Hops that took no part have () and 0.
    """

    sent: Fields
    by_cdn: Fields
    by_proxy: Fields
    environ: dict[str, str]
    counts: tuple[FlaskSaw, ...]
    answer: Answer
    moments: tuple[float, float, float, float, float]


class Way:
    """A street with the app of this lab behind a proxy. Made by `way`."""

    def __init__(self, street: Street, proxy: tuple[str, int], taps: tuple[Tap, Tap], cdn: tuple[str, int]):
        self.street = street
        self.proxy = proxy
        self._at_proxy, self._at_app = taps
        self._cdn = cdn
        self._context = street.client_context()
        self.names = {
            street.visitor: "you",
            street.cdn_address: "CDN",
            street.attacker: "attacker",
            LOCAL: "proxy",
        }

    def ask(self, fields: Fields = (), *, cdn: bool = True, source: str = "", target: str = "/") -> Seen:
        """A request over TLS, through the CDN or past it. `fields` are what the visitor writes besides Host."""
        sent = (("Host", HOST), *fields)
        began = time.monotonic()
        answer = self.answer(fields, cdn=cdn, source=source, target=target)
        ended = time.monotonic()
        at_proxy, at_app = self._at_proxy.last(began), self._at_app.last(began)
        told: dict[str, Any] = json.loads(answer.body) if answer.status == 200 else {}
        first = began + answer.first_byte_ms / 1000 if answer.first_byte_ms else ended
        return Seen(
            sent,
            _fields(at_proxy, began),
            _fields(at_app, began),
            told.get("environ", {}),
            tuple(FlaskSaw(**each) for each in told.get("counts", ())),
            answer,
            (
                at_proxy.asked.first_at(began) - began if at_proxy else 0.0,
                at_app.asked.first_at(began) - began if at_app else 0.0,
                at_app.answered.first_at(began) - began if at_app else 0.0,
                at_proxy.answered.first_at(began) - began if at_proxy else 0.0,
                first - began,
            ),
        )

    def answer(
        self,
        fields: Fields = (),
        *,
        cdn: bool,
        source: str = "",
        target: str = "/",
        timeout_s: float = 30.0,
        most: int | None = None,
    ) -> Answer:
        """The answer alone, and no more than `most` bytes of its content."""
        raw = write_request_head("GET", target, (("Host", HOST), *fields, ("Connection", "close")))
        source = (source or self.street.visitor) if self.street.own_addresses else ""
        with Connection(self._cdn if cdn else self.proxy, source=source, timeout_s=timeout_s) as connection:
            connection.socket = self._context.wrap_socket(connection.socket, server_hostname=HOST)
            connection.send(raw)
            return connection.read_answer(most=most)

    def name(self, addresses: str) -> str:
        """A list of addresses with the names of those who have them: "6.6.6.6, you, CDN"."""
        parts = [each.strip() for each in addresses.split(",")]
        return ", ".join(self.names.get(each, each) for each in parts)


def habits_of(internet: Internet) -> frozenset[str]:
    """The habits that a fault switches on; none without one."""
    if not internet.fault:
        return frozenset()
    from labctl.sandbox.faults import town_under

    return town_under(internet.fault).web


def street_of(internet: Internet) -> Street:
    """A street with the town's certificates; with new ones where there is no town."""
    from labctl.sandbox.town_certificates import Certificates

    certificates: Any = getattr(internet, "certificates", None) or Certificates(internet.date)
    return Street(certificates, internet.date, seed=internet.seed, habits=habits_of(internet))


def stand_app(
    internet: Internet, name: str, *, kind: Any = "sync", options: Sequence[str] = (), **more: Any
) -> Standing:
    """An app of this lab behind a real server. Raises CannotRun as `stand` does."""
    from labctl.serving.application import own_app
    from labctl.serving.standing import stand

    return stand(
        own_app(f"{APPS}.{name}"),
        kind,
        options=options,
        habits=habits_of(internet),
        prepare=f"{APPS}.habits:prepare",
        **more,
    )


def address_of(app: Standing) -> tuple[str, int]:
    """Where an app listens that stands on TCP."""
    assert app.address is not None
    return app.address


@contextlib.contextmanager
def way(internet: Internet, front: Front) -> Iterator[Way]:
    """The whole way to the app of this lab, with the proxy that `front` stands for. Ends everything it began."""
    with stand_app(internet, "seen") as app, way_to(internet, front, app) as road:
        yield road


@contextlib.contextmanager
def way_to(internet: Internet, front: Front, app: Standing) -> Iterator[Way]:
    """The whole way to an app that stands: CDN, taps, proxy."""
    with contextlib.ExitStack() as stack:
        street = stack.enter_context(street_of(internet))
        to_app, at_app = street.tap(address_of(app), source="peer")
        proxy = front.stand(stack, street, Configuration(front.careful), {"app": [to_app]}, secure=True)
        to_proxy, at_proxy = street.tap(
            proxy, source=street.cdn_address if street.own_addresses else "", secure=True
        )
        yield Way(street, proxy, (at_proxy, at_app), street.cdn(to_proxy))


def _fields(talk: Talk | None, moment: float) -> Fields:
    """The fields of the request that went through."""
    if talk is None:
        return ()
    found = read_request_head(talk.asked.since(moment), host_needed=False)
    return found[0].fields if found is not None else ()


def environ_at(where: Address, fields: Fields, *, source: str = "", target: str = "/") -> dict[str, Any]:
    """What the app `environ` tells of a request with these fields, {} when it does not answer."""
    raw = write_request_head("GET", target, (*fields, ("Connection", "close")))
    answer = ask(where, raw=raw, source=source)
    told: dict[str, Any] = json.loads(answer.body) if answer.status == 200 else {}
    return told
