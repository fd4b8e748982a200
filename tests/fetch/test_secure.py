"""TLS over a stream: every byte of the wire is seen, and every way to fail has its name."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from labctl.fetch.secure import Secured, TlsOffer, secure
from labctl.fetch.stream import TAP_BYTES, Stream, StreamEnded
from labctl.internet import Endpoint
from labctl.protocols.tls_records import read_records
from labctl.sandbox.faults import town_under
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town_sites import SITES

PATIENCE = 10.0


@pytest.fixture(scope="module")
def internet() -> Iterator[LoopbackInternet]:
    with LoopbackInternet(town_under(""), latency=False) as town:
        yield town


def connected(internet: LoopbackInternet, host: str, port: int = 443) -> Stream:
    address = next(site.addresses[0] for site in SITES if site.host == host)
    dialled = internet.dial(Endpoint(address, port), timeout=PATIENCE)
    assert dialled.socket is not None
    return Stream(dialled.socket, internet.clock)


def handshake(internet: LoopbackInternet, host: str, offer: TlsOffer) -> tuple[Secured, Stream]:
    """Shake hands and say good-bye."""
    with connected(internet, host) as stream:
        secured = secure(stream, internet, offer, timeout=PATIENCE)
        if secured.stream is not None:
            secured.stream.close()
        return secured, stream


@contextmanager
def peer(behave: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """A connection to a server that behaves so, once."""
    ours, theirs = socket.socketpair()

    def run() -> None:
        with theirs:
            behave(theirs)

    thread = threading.Thread(target=run)
    thread.start()
    with ours:
        yield ours
    thread.join()


def against(
    internet: LoopbackInternet, behave: Callable[[socket.socket], None], timeout: float = PATIENCE
) -> Secured:
    with peer(behave) as ours, Stream(ours, internet.clock) as stream:
        return secure(stream, internet, TlsOffer("www.shop.test"), timeout=timeout)


def test_a_handshake_tells_what_was_agreed_on(internet: LoopbackInternet) -> None:
    secured, _ = handshake(internet, "www.shop.test", TlsOffer("www.shop.test"))
    assert (secured.failure, secured.version, secured.alpn, secured.resumed) == ("", "1.3", "h2", False)
    assert secured.cipher.startswith("TLS_")
    assert len(secured.chain) == 2
    assert secured.ended_at >= secured.started_at


def test_the_tap_has_whole_records_in_both_directions(internet: LoopbackInternet) -> None:
    _, stream = handshake(internet, "www.shop.test", TlsOffer("www.shop.test"))
    for sent in (True, False):
        data = b"".join(chunk.data for chunk in stream.tap if chunk.sent == sent)
        records, trouble = read_records(data)
        assert records
        assert trouble == ""
    assert stream.sent == sum(len(chunk.data) for chunk in stream.tap if chunk.sent)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_session_is_resumed_and_no_certificate_is_sent(internet: LoopbackInternet, version: str) -> None:
    offer = TlsOffer("www.shop.test", alpn=("http/1.1",), versions=(version, version))
    with connected(internet, "www.shop.test") as stream:
        first = secure(stream, internet, offer, timeout=PATIENCE)
        assert first.stream is not None
        first.stream.send(b"GET / HTTP/1.1\r\nHost: www.shop.test\r\n\r\n")
        assert first.stream.receive(deadline=internet.clock() + PATIENCE).startswith(b"HTTP/1.1 200")
        session = first.stream.session
        first.stream.close()
    again, _ = handshake(internet, "www.shop.test", offer._replace(session=session, context=first.context))
    assert (again.version, again.resumed, again.chain) == (version, True, ())


@pytest.mark.parametrize(
    ("name", "code", "alert"),
    [
        ("expired", 10, "certificate_expired"),
        ("not-yet-valid", 9, "bad_certificate"),
        ("wrong-name", 62, "bad_certificate"),
        ("unknown-issuer", 20, "unknown_ca"),
        ("untrusted-root", 19, "unknown_ca"),
        ("missing-intermediate", 20, "unknown_ca"),
        ("self-signed", 18, "unknown_ca"),
        ("weak", 66, "bad_certificate"),
        ("wrong-purpose", 26, "unsupported_certificate"),
        ("name-in-cn", 62, "bad_certificate"),
    ],
)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_refused_certificate_is_told_with_its_code_the_chain_and_the_alert_that_we_sent(
    internet: LoopbackInternet, name: str, code: int, alert: str, version: str
) -> None:
    host = f"{name}.tls.test"
    secured, stream = handshake(internet, host, TlsOffer(host, versions=(version, version)))
    assert (secured.stream, secured.failure, secured.verify_code) == (None, "certificate", code)
    assert secured.chain, "the certificates are known although they were refused"
    assert [(a.sent, a.fatal, a.name) for a in secured.alerts] == [(True, True, alert)]
    assert stream.tap[-1].sent, "the alert went out"


def test_without_verification_every_certificate_is_taken(internet: LoopbackInternet) -> None:
    secured, _ = handshake(internet, "expired.tls.test", TlsOffer("expired.tls.test", verify=False))
    assert (secured.failure, len(secured.chain)) == ("", 2)


def test_the_common_name_counts_only_where_that_is_asked_for(internet: LoopbackInternet) -> None:
    host = "name-in-cn.tls.test"
    secured, _ = handshake(internet, host, TlsOffer(host, common_name=True))
    assert secured.failure == ""


def test_a_context_that_was_used_without_verification_verifies_again(internet: LoopbackInternet) -> None:
    host = "expired.tls.test"
    first, _ = handshake(internet, host, TlsOffer(host, verify=False))
    again, _ = handshake(internet, host, TlsOffer(host, context=first.context))
    assert again.failure == "certificate"


def test_a_reset_after_the_client_hello_is_a_reset(internet: LoopbackInternet) -> None:
    secured, _ = handshake(internet, "reset-on-sni.tls.test", TlsOffer("reset-on-sni.tls.test"))
    assert secured.failure == "reset"


def test_an_answer_in_plain_http_is_no_tls(internet: LoopbackInternet) -> None:
    secured, _ = handshake(internet, "no-tls.tls.test", TlsOffer("no-tls.tls.test"))
    assert secured.failure == "not-tls"
    assert "HTTP/1.1 400" in secured.reason


def test_a_server_that_says_nothing_is_given_up(internet: LoopbackInternet) -> None:
    waiting = threading.Event()

    def silent(theirs: socket.socket) -> None:
        waiting.wait()

    with peer(silent) as ours, Stream(ours, internet.clock) as stream:
        secured = secure(stream, internet, TlsOffer("www.shop.test"), timeout=0.05)
        waiting.set()
    assert secured.failure == "timeout"


def test_a_server_that_leaves_has_closed(internet: LoopbackInternet) -> None:
    def leave(theirs: socket.socket) -> None:
        theirs.recv(9999)

    assert against(internet, leave).failure == "closed"


def test_an_alert_of_the_server_has_its_name(internet: LoopbackInternet) -> None:
    def alert(theirs: socket.socket) -> None:
        theirs.recv(9999)
        theirs.sendall(bytes.fromhex("15 0303 0002 02 70"))

    secured = against(internet, alert)
    assert (secured.failure, secured.reason) == ("alert", "unrecognized_name")


@pytest.mark.parametrize("junk", [b"\x00" * 40, b"SSH-2.0-OpenSSH_9.9\r\n", b"220 mail ready\r\n", b"\xff"])
def test_garbage_is_no_tls_and_never_an_exception(internet: LoopbackInternet, junk: bytes) -> None:
    def speak(theirs: socket.socket) -> None:
        theirs.recv(9999)
        theirs.sendall(junk)

    secured = against(internet, speak)
    assert secured.failure in ("not-tls", "closed")
    assert secured.reason


def test_the_end_of_a_stream_says_whether_it_was_announced(internet: LoopbackInternet) -> None:
    with connected(internet, "www.shop.test") as stream:
        secured = secure(stream, internet, TlsOffer("www.shop.test", alpn=("http/1.1",)), timeout=PATIENCE)
        assert secured.stream is not None
        secured.stream.send(b"GET / HTTP/1.1\r\nHost: www.shop.test\r\nConnection: close\r\n\r\n")
        while secured.stream.receive(deadline=internet.clock() + PATIENCE):
            pass
        assert secured.stream.ended == "close_notify"
        assert secured.stream.receive(deadline=internet.clock() + PATIENCE) == b""


def test_a_stream_past_its_deadline_ends_with_timeout(internet: LoopbackInternet) -> None:
    with connected(internet, "www.shop.test") as stream:
        with pytest.raises(StreamEnded) as ended:
            stream.receive(deadline=internet.clock() - 1)
        assert ended.value.failure == "timeout"


def test_the_tap_keeps_no_more_than_its_measure_and_counts_on(internet: LoopbackInternet) -> None:
    def talk(theirs: socket.socket) -> None:
        theirs.sendall(bytes(TAP_BYTES + 1000))

    with peer(talk) as ours, Stream(ours, internet.clock) as stream:
        while stream.receive(deadline=internet.clock() + PATIENCE):
            pass
    assert stream.received == TAP_BYTES + 1000
    assert stream.tap_truncated
    assert sum(len(chunk.data) for chunk in stream.tap) == TAP_BYTES


def test_a_key_log_is_written_where_it_is_asked_for(internet: LoopbackInternet, tmp_path: object) -> None:
    file = f"{tmp_path}/keys.log"
    secured, _ = handshake(internet, "www.shop.test", TlsOffer("www.shop.test", keylog=file))
    assert secured.context is not None
    with open(file, encoding="ascii") as log:
        assert "CLIENT_TRAFFIC_SECRET_0" in log.read()


def test_the_chain_is_told_even_where_the_message_callback_is_missing(
    internet: LoopbackInternet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(ssl.SSLContext, "_msg_callback")
    with_base = hasattr(ssl.SSLContext, "_msg_callback")
    if with_base:  # the C class has one of the same name
        monkeypatch.setattr("labctl.fetch.secure._hear", lambda *_: None)
    secured, _ = handshake(internet, "www.shop.test", TlsOffer("www.shop.test"))
    assert len(secured.chain) == 2
