"""Each wrong certificate is refused for its own reason, by Python's OpenSSL and by the openssl program."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from needed import need
from web_asking import address_of, curl, get, place_of

from labctl.internet import Endpoint
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town_certificates import KINDS, Certificates
from labctl.sandbox.town_sites import SITES, WRONG_CERTIFICATES

Open = Callable[..., LoopbackInternet]
DAY = 86_400.0
# Kind to OpenSSL's verify error (openssl-verification-options(1)) and its beginning in words.
REASONS = {
    "expired": (10, "certificate has expired"),
    "not-yet-valid": (9, "certificate is not yet valid"),
    "wrong-name": (62, "hostname mismatch"),
    "unknown-issuer": (20, "unable to get local issuer certificate"),
    "untrusted-root": (19, "self-signed certificate in certificate chain"),
    "missing-intermediate": (20, "unable to get local issuer certificate"),
    "self-signed": (18, "self-signed certificate"),
    "weak": (66, "EE certificate key too weak"),
    "wrong-purpose": (26, "unsuitable certificate purpose"),
    "name-in-cn": (62, "hostname mismatch"),
}


def handshake(internet: LoopbackInternet, host: str, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    """Raises ssl.SSLError. The socket is closed, its facts can still be asked."""
    dialled = internet.dial(Endpoint(address_of(internet, host), 443))
    assert dialled.socket is not None
    context = context or internet.client_tls()
    with dialled.socket as plain:
        return context.wrap_socket(plain, server_hostname=host)


def test_every_wrong_certificate_has_a_reason() -> None:
    assert set(REASONS) == set(WRONG_CERTIFICATES)


@pytest.mark.parametrize("kind", WRONG_CERTIFICATES)
def test_python_refuses_it_for_the_right_reason(standing: LoopbackInternet, kind: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        handshake(standing, f"{kind}.tls.test")
    code, words = REASONS[kind]
    assert refused.value.verify_code == code
    assert words.lower() in refused.value.verify_message.lower().replace("self signed", "self-signed")


@pytest.mark.parametrize("kind", WRONG_CERTIFICATES)
def test_openssl_refuses_it_for_the_right_reason(
    standing: LoopbackInternet, tmp_path: Path, kind: str
) -> None:
    said = s_client(standing, tmp_path, f"{kind}.tls.test")
    if kind == "name-in-cn":
        # openssl still takes the common name when no subjectAltName is there; browsers and Python do not.
        assert "Verify return code: 0 (ok)" in said
        return
    code, words = REASONS[kind]
    assert f"verify error:num={code}:{words}" in said


def s_client(internet: LoopbackInternet, folder: Path, host: str) -> str:
    root = folder / "root.pem"
    root.write_text(internet.certificates.root_pem)
    address, port = place_of(internet, f"https://{host}/")
    done = subprocess.run(
        [
            *(need("openssl"), "s_client", "-connect", f"{address}:{port}", "-servername", host),
            *("-CAfile", str(root), "-no-CApath", "-no-CAstore", "-verify_hostname", host),
            *("-purpose", "sslserver"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "site", [s for s in SITES if s.certificate in ("good", "look-alike")], ids=lambda s: s.host
)
def test_a_good_chain_is_believed(standing: LoopbackInternet, site: object) -> None:
    host: str = site.host  # type: ignore[attr-defined]
    if "reset-on-sni" in host:
        with pytest.raises(ConnectionResetError):
            handshake(standing, host)
        return
    believed = handshake(standing, host)
    believed.close()


def test_curl_takes_the_look_alike_for_what_it_says_it_is(standing: LoopbackInternet, tmp_path: Path) -> None:
    assert "www.sh0p.test" in curl(standing, tmp_path, "https://www.sh0p.test/")


def test_nobody_speaks_tls_at_no_tls(standing: LoopbackInternet) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)wrong.version.number"):
        handshake(standing, "no-tls.tls.test")


def test_tls12_speaks_no_newer_version_and_no_alpn_agrees_on_nothing(standing: LoopbackInternet) -> None:
    context = standing.client_tls()
    context.set_alpn_protocols(["h2", "http/1.1"])
    found = {}
    for host in ("tls12.tls.test", "no-alpn.tls.test", "www.example.com"):
        dialled = standing.dial(Endpoint(address_of(standing, host), 443))
        assert dialled.socket is not None
        with context.wrap_socket(dialled.socket, server_hostname=host) as secured:
            found[host] = (secured.version(), secured.selected_alpn_protocol())
    assert found == {
        "tls12.tls.test": ("TLSv1.2", "h2"),
        "no-alpn.tls.test": ("TLSv1.3", None),
        "www.example.com": ("TLSv1.3", "h2"),
    }


def test_a_session_is_resumed_and_both_sides_say_so(opened: Open) -> None:
    internet = opened()
    host, context = "api.shop.test", internet.client_tls()
    session = None
    for resumed in (False, True):
        dialled = internet.dial(Endpoint(address_of(internet, host), 443))
        assert dialled.socket is not None
        with context.wrap_socket(dialled.socket, server_hostname=host, session=session) as secured:
            secured.sendall(b"GET / HTTP/1.1\r\nHost: api.shop.test\r\nConnection: close\r\n\r\n")
            while secured.recv(4096):
                pass
            session = secured.session
            assert secured.session_reused is resumed
    assert [h.resumed for h in internet.web().handshakes] == [False, True]


def test_what_the_client_objects_to_comes_to_the_server_as_an_alert(opened: Open) -> None:
    internet = opened()
    context = internet.client_tls()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    web = internet.web()
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(internet, "expired.tls.test", context)
    get(internet, "https://www.example.com/")  # what came before that has been heard then
    assert [(h.host, h.failure) for h in web.handshakes] == [
        ("expired.tls.test", "SSLV3_ALERT_CERTIFICATE_EXPIRED"),
        ("www.example.com", ""),
    ]


def test_the_good_chain_is_a_leaf_and_an_intermediate_and_the_root_stays_at_home() -> None:
    certificates = Certificates(lambda: 1_800_000_000.0, lambda: 1_800_000_000.0)
    leaf, intermediate = x509.load_pem_x509_certificates(certificates.leaf("a.test").chain.encode())
    root = x509.load_pem_x509_certificate(certificates.root_pem.encode())
    assert leaf.issuer == intermediate.subject
    assert intermediate.issuer == root.subject == root.issuer
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)


def test_a_leaf_is_kept_and_made_anew_when_its_time_is_nearly_over() -> None:
    date = 1_800_000_000.0
    certificates = Certificates(lambda: date, lambda: 1_800_000_000.0)
    first = certificates.leaf("a.test")
    date += 60 * DAY
    assert certificates.leaf("a.test") == first
    date += 25 * DAY
    second = certificates.leaf("a.test")
    assert second != first
    assert second.until > date + 80 * DAY
    # OpenSSL judges by the machine's date, which did not move.
    made = x509.load_pem_x509_certificates(second.chain.encode())[0]
    assert made.not_valid_before_utc.timestamp() < 1_800_000_000.0


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_wrong_today_and_on_the_towns_date(kind: str) -> None:
    certificates = Certificates(lambda: 1_800_000_000.0 + 400 * DAY, lambda: 1_800_000_000.0)
    made = x509.load_pem_x509_certificates(certificates.leaf("a.test", kind).chain.encode())[0]
    begins, ends = made.not_valid_before_utc.timestamp(), made.not_valid_after_utc.timestamp()
    valid = {begins <= at <= ends for at in (1_800_000_000.0, 1_800_000_000.0 + 400 * DAY)}
    assert valid == {kind not in ("expired", "not-yet-valid")}
