"""TLS read off the wire: what OpenSSL says to itself is read right, and garbage is told, never a crash."""

from __future__ import annotations

import sys
import zlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols import tls_names
from labctl.protocols.tcp_segments import Segment
from labctl.protocols.tcp_stream import stream_chunks
from labctl.protocols.tls_conversation import TlsConversation
from labctl.protocols.tls_messages import (
    Certificates,
    ClientHello,
    EncryptedExtensions,
    KeyExchange,
    MessageReader,
    ServerHello,
    Ticket,
    Unreadable,
    certificates_in,
    read_alert,
    read_message,
)
from labctl.protocols.tls_opening import (
    Attempt,
    _expand_label,
    read_key_log,
    with_key_log,
    with_private_key,
)
from labctl.protocols.tls_records import LONGEST, RecordReader, read_records

sys.path.insert(0, str(Path(__file__).parent))
from tls_recorded import ANSWER, NAME, REQUEST, Recording, recorded

RSA = {"ciphers": "AES128-GCM-SHA256", "kind": "rsa"}


def opened(recording: Recording) -> TlsConversation:
    return TlsConversation(recording.chunks, with_key_log(read_key_log(recording.key_log)))


def stream(recording: Recording, *, sent: bool) -> bytes:
    return b"".join(data for _, by_client, data in recording.chunks if by_client == sent)


# What is right is read right.


def test_a_client_hello_says_what_the_client_offers() -> None:
    hello = TlsConversation(recorded().chunks).hello
    assert hello is not None
    assert hello.server_name == NAME
    assert hello.alpn == ("h2", "http/1.1")
    assert [tls_names.version_name(v) for v in hello.versions] == ["TLS 1.3"]
    assert hello.key_shares
    assert hello.key_shares[0][0] in hello.groups
    assert 0x1301 in hello.ciphers
    assert hello.signatures
    assert not any((hello.resumes, hello.early_data, hello.encrypted_hello))


def test_a_server_hello_says_what_the_server_chose() -> None:
    answer = TlsConversation(recorded().chunks).answer
    assert answer is not None
    assert (tls_names.version_name(answer.version), answer.retry) == ("TLS 1.3", False)
    assert answer.cipher in (0x1301, 0x1302, 0x1303)
    assert answer.group is not None
    assert answer.key_share


def test_the_messages_of_tls_13_are_hidden_after_the_server_hello_and_open_with_the_key_log() -> None:
    bare, said = TlsConversation(recorded().chunks), opened(recorded())
    assert [n for row in bare.rows for n in row.names] == ["ClientHello", "ServerHello"]
    assert [n for row in said.rows for n in row.names if n != "NewSessionTicket"] == [
        *("ClientHello", "ServerHello", "EncryptedExtensions"),
        *("Certificate", "CertificateVerify", "Finished", "Finished"),
    ]
    assert [row.clear for row in bare.rows] == [row.clear for row in said.rows]
    assert all(row.opened for row in said.rows)
    assert not bare.trouble
    found, readable = said.certificates
    assert found == Certificates((recorded().certificate_der,))
    assert not readable
    assert [m.alpn for m in said.messages(EncryptedExtensions) if isinstance(m, EncryptedExtensions)] == [
        "h2"
    ]
    assert any(isinstance(m, Ticket) and m.lifetime_s == 7200 for m in said.messages(Ticket))


def test_in_tls_12_the_certificate_is_readable_and_the_request_is_not() -> None:
    said = TlsConversation(recorded("1.2").chunks)
    found, readable = said.certificates
    assert found == Certificates((recorded("1.2").certificate_der,))
    assert readable
    assert not any(row.content for row in said.rows)
    names = [n for row in said.rows for n in row.names]
    assert names[:5] == ["ClientHello", "ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone"]


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("1.3", {}),
        ("1.2", {}),
        ("1.2", {"ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"}),
        ("1.2", {"ciphers": "ECDHE-ECDSA-CHACHA20-POLY1305"}),
        ("1.2", RSA),
    ],
)
def test_the_key_log_opens_the_request_and_the_answer(version: str, more: dict[str, str]) -> None:
    said = opened(recorded(version, **more))
    assert b"".join(row.content for row in said.rows if row.sent) == REQUEST
    assert b"".join(row.content for row in said.rows if not row.sent) == ANSWER


def test_another_connections_key_log_opens_nothing() -> None:
    other = read_key_log(recorded("1.2").key_log)
    secrets = next(iter(other.values()))
    hello = TlsConversation(recorded().chunks).hello
    assert hello is not None
    said = TlsConversation(recorded().chunks, with_key_log({hello.random: secrets}))
    assert not any(row.opened and not row.clear for row in said.rows)


@pytest.mark.parametrize(("version", "more"), [("1.3", {}), ("1.2", {}), ("1.2", {"kind": "rsa"})])
def test_the_servers_private_key_opens_nothing_of_an_ephemeral_exchange(
    version: str, more: dict[str, str]
) -> None:
    recording = recorded(version, **more)
    attempt = with_private_key(TlsConversation(recording.chunks), recording.key_pem.encode())
    assert attempt == Attempt(
        None, "Nothing in the recording is encrypted to the server's key: it only signed the key exchange."
    )


def test_the_servers_private_key_opens_everything_when_the_secret_was_sent_to_it() -> None:
    recording = recorded("1.2", **RSA)
    attempt = with_private_key(TlsConversation(recording.chunks), recording.key_pem.encode())
    assert attempt.locksmith is not None
    said = TlsConversation(recording.chunks, attempt.locksmith)
    assert b"".join(row.content for row in said.rows if not row.sent) == ANSWER


def test_the_wrong_private_key_opens_nothing() -> None:
    recording, other = recorded("1.2", **RSA), recorded()
    attempt = with_private_key(TlsConversation(recording.chunks), other.key_pem.encode())
    assert attempt.locksmith is None


@pytest.mark.parametrize(
    ("version", "more", "trips"),
    [("1.3", {}, 1), ("1.2", {}, 2), ("1.3", {"group": "secp384r1"}, 2), ("1.2", RSA, 2)],
)
def test_round_trips_are_counted_by_flights(version: str, more: dict[str, str], trips: int) -> None:
    said = TlsConversation(recorded(version, **more).chunks)
    assert said.round_trips == trips


def test_a_hello_retry_request_is_told_from_a_server_hello() -> None:
    said = opened(recorded("1.3", group="secp384r1"))
    assert [n for row in said.rows for n in row.names][:3] == [
        "ClientHello",
        "HelloRetryRequest",
        "ClientHello",
    ]
    retry = next(m for m in said.messages(ServerHello) if isinstance(m, ServerHello))
    assert retry.group is not None
    assert tls_names.group_name(retry.group) == "secp384r1"
    assert said.hellos == 2
    assert b"".join(row.content for row in said.rows if row.sent) == REQUEST


def test_the_key_schedule_is_that_of_rfc_8448() -> None:
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert _expand_label("sha256", secret, b"key", 16).hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert _expand_label("sha256", secret, b"iv", 12).hex() == "5d313eb2671276ee13000b30"


# However it is cut, it is the same.


@given(st.lists(st.integers(0, 4000), max_size=8), st.booleans())
def test_records_are_the_same_however_the_stream_was_cut(cuts: list[int], sent: bool) -> None:
    data = stream(recorded(), sent=sent)
    reader, found = RecordReader(), []
    edges = [0, *sorted(c for c in cuts if c < len(data)), len(data)]
    for start, stop in pairwise(edges):
        found += reader.feed(data[start:stop])
    assert found == read_records(data)[0]
    assert reader.trouble == ""


@given(st.integers(0, 4000), st.booleans())
def test_a_stream_that_was_cut_short_says_so(at: int, sent: bool) -> None:
    data = stream(recorded(), sent=sent)[:at]
    records, trouble = read_records(data)
    assert sum(record.size for record in records) + (len(data) - sum(r.size for r in records)) == len(data)
    whole = sum(record.size for record in records) == len(data)
    assert (trouble == "") == whole
    assert whole or trouble.startswith("The stream ends")


@given(st.binary(max_size=200), st.integers(1, 40))
def test_messages_are_the_same_however_records_cut_them(body: bytes, size: int) -> None:
    wire = bytes((20,)) + len(body).to_bytes(3, "big") + body
    reader, found = MessageReader(), []
    for start in range(0, len(wire), size):
        found += reader.feed(wire[start : start + size])
    assert found == [(20, body)]


# Garbage.


@given(st.binary(max_size=400))
def test_bytes_that_are_no_tls_are_told_and_never_an_error(data: bytes) -> None:
    records, trouble = read_records(data)
    assert trouble or sum(record.size for record in records) == len(data)
    TlsConversation([(0.0, True, data), (0.1, False, data)])


@given(st.integers(0, 255), st.binary(max_size=300), st.booleans())
def test_a_message_of_garbage_is_unreadable_and_never_an_error(kind: int, body: bytes, tls13: bool) -> None:
    message = read_message(kind, body, tls13=tls13)
    if isinstance(message, Unreadable):
        assert message.reason.endswith(".")


@given(st.integers(0, 600))
def test_a_client_hello_that_was_cut_short_says_what_is_missing(at: int) -> None:
    (_, body), *_ = MessageReader().feed(read_records(stream(recorded(), sent=True))[0][0].fragment)
    message = read_message(1, body[:at], tls13=False)
    if at >= len(body):
        assert isinstance(message, ClientHello)
    elif isinstance(message, Unreadable):
        assert "is cut short" in message.reason
    else:
        # The extensions may be left out as a whole.
        assert isinstance(message, ClientHello)
        assert message.extensions == ()


@given(st.integers(0, 4000), st.integers(0, 255), st.booleans())
def test_a_byte_that_was_changed_never_crashes_the_reader(at: int, value: int, sent: bool) -> None:
    recording = recorded()
    chunks = []
    for moment, by_client, data in recording.chunks:
        if by_client == sent and at < len(data):
            data = data[:at] + bytes((value,)) + data[at + 1 :]
        chunks.append((moment, by_client, data))
    TlsConversation(chunks, with_key_log(read_key_log(recording.key_log)))


@given(st.binary(max_size=80))
def test_certificates_of_garbage_are_none(data: bytes) -> None:
    assert all(isinstance(der, bytes) for der in certificates_in(data, tls13=True))


def test_a_record_that_is_too_long_is_refused_by_its_header() -> None:
    assert "longer than TLS allows" in read_records(b"\x17\x03\x03" + (LONGEST + 1).to_bytes(2, "big"))[1]


@given(st.text(max_size=200))
def test_a_key_log_of_garbage_is_empty_or_bytes(text: str) -> None:
    for random, secrets in read_key_log(text).items():
        assert isinstance(random, bytes)
        assert all(isinstance(secret, bytes) for secret in secrets.values())


# Names.


def test_every_name_has_a_plain_sentence() -> None:
    for name, sentence in [*tls_names.ALERTS.values(), *tls_names.GROUPS.values()]:
        assert sentence.endswith("."), name
        assert len(sentence) < 100
    for cipher in tls_names.CIPHERS.values():
        assert tls_names.cipher_sentence(cipher).endswith(".")
    for protocol in ("", "h2", "http/1.1", "something"):
        assert tls_names.alpn_sentence(protocol).endswith(".")


@given(st.integers(0, 65535))
def test_every_number_has_some_name(number: int) -> None:
    for name in (
        tls_names.cipher_name,
        tls_names.group_name,
        tls_names.extension_name,
        tls_names.signature_name,
        tls_names.version_name,
    ):
        assert name(number)


def test_grease_is_known() -> None:
    assert tls_names.is_grease(0x0A0A)
    assert tls_names.is_grease(0xFAFA)
    assert not tls_names.is_grease(0x0A1A)
    assert tls_names.group_name(0x2A2A) == "GREASE"


def test_an_alert_is_two_bytes() -> None:
    assert read_alert(b"\x02\x30") == (True, "unknown_ca")
    assert read_alert(b"\x01\x00") == (False, "close_notify")
    assert read_alert(b"\x02") is None


# Out of segments.


def segment(
    sent: bool, seq: int, payload: bytes = b"", flags: str = "A", at: int = 0, dropped: bool = False
) -> Segment:
    ports = (40001, 443) if sent else (443, 40001)
    return Segment(at, "10.0.0.2", ports[0], "10.0.0.1", ports[1], seq, 0, flags, 0, payload, dropped=dropped)


@given(st.data())
def test_bytes_come_out_in_order_however_segments_came(data: st.DataObject) -> None:
    text = data.draw(st.binary(min_size=1, max_size=60))
    start = data.draw(st.sampled_from([0, 7, 2**32 - 20]))
    pieces = [segment(True, start, flags="S")]
    cuts = sorted(data.draw(st.sets(st.integers(1, 60), max_size=5)) | {0, len(text)})
    cuts = [c for c in cuts if c <= len(text)]
    parts = [segment(True, (start + 1 + a) & 0xFFFFFFFF, text[a:b], "PA") for a, b in pairwise(cuts)]
    again = data.draw(st.lists(st.sampled_from(parts), max_size=3)) if parts else []
    mixed = data.draw(st.permutations([*parts, *again]))
    chunks, whole = stream_chunks([*pieces, *mixed], 40001)
    assert b"".join(part for _, _, part in chunks) == text
    assert whole


def test_what_is_missing_is_said() -> None:
    chunks, whole = stream_chunks(
        [segment(True, 0, flags="S"), segment(True, 1, b"a"), segment(True, 3, b"c")], 40001
    )
    assert [part for _, _, part in chunks] == [b"a"]
    assert not whole


def test_what_the_wire_swallowed_did_not_arrive() -> None:
    chunks, whole = stream_chunks(
        [
            segment(False, 9, flags="SA"),
            segment(False, 10, b"x", dropped=True),
            segment(False, 10, b"x", at=5),
        ],
        40001,
    )
    assert chunks == [(5, False, b"x")]
    assert whole


# What servers do after the handshake, and what is packed or new.


def record(kind: int, fragment: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(fragment).to_bytes(2, "big") + fragment


def message(kind: int, body: bytes) -> bytes:
    return record(22, bytes((kind,)) + len(body).to_bytes(3, "big") + body)


def tls12(*flights: tuple[bool, bytes]) -> TlsConversation:
    """A conversation of TLS 1.2 out of raw records, read without keys."""
    hello = message(1, b"\x03\x03" + bytes(32) + b"\0" + b"\x00\x02\xc0\x2f" + b"\x01\0")
    answer = message(2, b"\x03\x03" + bytes(32) + b"\0" + b"\xc0\x2f" + b"\0")
    chunks = [(0.0, True, hello), (1.0, False, answer)]
    return TlsConversation([*chunks, *((2.0 + i, *flight) for i, flight in enumerate(flights))])


FINISHED = record(20, b"\x01") + record(22, bytes(40))


@pytest.mark.parametrize("after", [b"", record(23, bytes(80)), record(21, bytes(26))])
def test_a_resumed_handshake_of_tls_12_is_over_with_the_clients_finished_whatever_the_server_says_next(
    after: bytes,
) -> None:
    said = tls12((False, FINISHED), (True, FINISHED), (False, after))
    assert said.round_trips == 1
    assert said.handshake_rows == 6


@pytest.mark.parametrize("after", [b"", record(23, bytes(80)), record(21, bytes(26))])
def test_a_full_handshake_of_tls_12_is_over_with_the_servers_finished_whatever_comes_next(
    after: bytes,
) -> None:
    done, key = message(14, b""), message(16, bytes(33))
    said = tls12(
        (False, done),
        (True, key + FINISHED),
        (False, FINISHED),
        (True, record(21, bytes(26))),
        (False, after),
    )
    assert said.round_trips == 2


def test_a_compressed_certificate_counts_as_sent_and_is_read_where_zlib_packed_it() -> None:
    plain = b"\0" + (8).to_bytes(3, "big") + (3).to_bytes(3, "big") + b"der" + b"\0\0"
    packed = zlib.compress(plain)
    body = (1).to_bytes(2, "big") + len(plain).to_bytes(3, "big") + len(packed).to_bytes(3, "big") + packed
    assert read_message(25, body, tls13=True) == Certificates((b"der",), packed=True)
    brotli = (2).to_bytes(2, "big") + body[2:]
    assert read_message(25, brotli, tls13=True) == Certificates((), packed=True)


def test_a_compressed_certificate_that_would_be_huge_is_not_unpacked() -> None:
    packed = zlib.compress(bytes(50_000_000))
    body = (1).to_bytes(2, "big") + (50_000_00).to_bytes(3, "big") + len(packed).to_bytes(3, "big") + packed
    assert read_message(25, body, tls13=True) == Certificates((), packed=True)


def test_diffie_hellman_with_long_numbers_is_no_curve() -> None:
    prime = b"\x03\x00" + b"\xff" * 768
    assert read_message(12, prime, tls13=False) == KeyExchange(None)


def test_an_alert_without_a_name_is_told_by_its_number() -> None:
    assert read_alert(b"\x02\x76") == (True, "number 118")
    assert tls_names.alert_sentence("number 118") == "Its number has no name."


def test_nothing_is_said_of_the_keys_of_a_cipher_that_nobody_knows() -> None:
    assert "every recording" not in tls_names.cipher_sentence("0xc0a4")
    assert "every recording" in tls_names.cipher_sentence("AES128-GCM-SHA256")
