"""Handshakes of OpenSSL with itself, in memory, recorded: what the readers of TLS are tried on."""

from __future__ import annotations

import ssl
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

NAME = "www.shop.test"
REQUEST, ANSWER = b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello"


class Recording(NamedTuple):
    """(moment, sent by the client, bytes); the key log; the server's private key."""

    chunks: list[tuple[float, bool, bytes]]
    key_log: str
    key_pem: str
    certificate_der: bytes


@cache
def certificate(kind: str) -> tuple[str, str]:
    """A self-signed certificate and its key, PEM."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if kind == "rsa"
        else ec.generate_private_key(ec.SECP256R1())
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return (
        made.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


@cache
def recorded(version: str = "1.3", *, ciphers: str = "", group: str = "", kind: str = "ec") -> Recording:
    """One handshake, one request, one answer. `ciphers` are for TLS 1.2; `group` is all that the server takes."""
    pem, key = certificate(kind)
    low = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    for context in (server, client):
        context.minimum_version = context.maximum_version = low
        context.set_alpn_protocols(["h2", "http/1.1"])
        if ciphers:
            context.set_ciphers(ciphers)
    if group:
        server.set_ecdh_curve(group)
    with tempfile.TemporaryDirectory() as folder:
        chain, secret, log = (Path(folder, name) for name in ("chain.pem", "key.pem", "log"))
        chain.write_text(pem)
        secret.write_text(key)
        server.load_cert_chain(chain, secret)
        client.keylog_filename = str(log)
        chunks = _converse(server, client)
        text = log.read_text()
    return Recording(chunks, text, key, ssl.PEM_cert_to_DER_cert(pem))


def _converse(server: ssl.SSLContext, client: ssl.SSLContext) -> list[tuple[float, bool, bytes]]:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    out_server, out_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, out_client, server_hostname=NAME)
    theirs = server.wrap_bio(to_server, out_server, server_side=True)
    chunks: list[tuple[float, bool, bytes]] = []
    done = {True: False, False: False}

    def step(sent: bool) -> None:
        side, out, into = (ours, out_client, to_server) if sent else (theirs, out_server, to_client)
        if not done[sent]:
            try:
                side.do_handshake()
                done[sent] = True
            except ssl.SSLWantReadError:
                pass
        flush(sent, out, into)

    def flush(sent: bool, out: ssl.MemoryBIO, into: ssl.MemoryBIO) -> None:
        if out.pending:
            data = out.read()
            into.write(data)
            chunks.append((len(chunks) / 1000, sent, data))

    while not all(done.values()):
        step(True)
        step(False)
    ours.write(REQUEST)
    flush(True, out_client, to_server)
    theirs.read()
    theirs.write(ANSWER)
    flush(False, out_server, to_client)
    return chunks
