"""Dialling on this machine's own internet."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest
from free_ports import closed_port

from labctl.internet import Endpoint
from labctl.live.internet import LiveInternet
from labctl.sandbox.town_certificates import Certificates


@pytest.fixture
def internet() -> Iterator[LiveInternet]:
    with LiveInternet() as made:
        yield made


def test_a_listener_is_reached_and_both_ends_are_told(internet: LiveInternet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialled = internet.dial(Endpoint("127.0.0.1", listener.getsockname()[1]), timeout=5)
        assert dialled.socket is not None
        with dialled.socket as sock, listener.accept()[0] as other:
            name = other.getpeername()
            assert dialled.local == f"{name[0]}:{name[1]}"
            assert dialled.started_at <= dialled.connected_at <= internet.clock()
            assert sock.gettimeout() == 5
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_end_over_ipv6_is_written_in_brackets(internet: LiveInternet) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with listener:
        dialled = internet.dial(Endpoint("::1", listener.getsockname()[1]))
        assert dialled.socket is not None
        dialled.socket.close()
        assert dialled.local.startswith("[::1]:")


def test_a_closed_port_refuses_in_the_systems_words(internet: LiveInternet) -> None:
    with closed_port() as port:
        dialled = internet.dial(Endpoint("127.0.0.1", port))
    assert (dialled.socket, dialled.failure) == (None, "refused")
    assert dialled.detail.startswith("ECONNREFUSED")


def test_a_name_is_no_address(internet: LiveInternet) -> None:
    dialled = internet.dial(Endpoint("www.shop.test", 80))
    assert (dialled.failure, dialled.socket) == ("unreachable", None)
    assert dialled.detail.startswith("not an IP address")


def test_every_context_is_new_and_verifies_and_reads_no_common_name(internet: LiveInternet) -> None:
    one, two = internet.client_tls(), internet.client_tls()
    assert one is not two
    assert one.verify_mode is ssl.CERT_REQUIRED
    assert one.check_hostname
    assert not one.hostname_checks_common_name


def test_a_given_context_says_whom_to_trust() -> None:
    given = ssl.create_default_context(cadata=Certificates(lambda: 0.0).root_pem)
    with LiveInternet(context=given) as internet:
        made = internet.client_tls()
    assert made is not given
    assert made.get_ca_certs() == given.get_ca_certs()
