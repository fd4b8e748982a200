"""Short ways to ask the town's web on loopback: by httpx, by curl, and byte by byte."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from needed import need

from labctl.internet import Endpoint
from labctl.sandbox.loopback import LoopbackInternet


def address_of(internet: LoopbackInternet, host: str) -> str:
    """The site's first address."""
    site = internet.web().town.site(host)
    assert site is not None
    return site.addresses[0]


def place_of(internet: LoopbackInternet, url: str) -> tuple[str, int]:
    """Where on this machine the server of this URL listens."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return internet.web().reach(address_of(internet, parts.hostname or ""), port)


def get(
    internet: LoopbackInternet, url: str, *, method: str = "GET", http2: bool = False, **more: Any
) -> httpx.Response:
    """One request by httpx, on a connection of its own; redirects are not followed."""
    parts, (address, port) = urlsplit(url), place_of(internet, url)
    client = httpx.Client(
        verify=internet.client_tls(), http1=not http2, http2=http2, trust_env=False, timeout=10
    )
    with client:
        headers = {"Host": parts.netloc, **more.pop("headers", {})}
        there = parts._replace(netloc=f"{address}:{port}").geturl()
        return client.request(
            method, there, headers=headers, extensions={"sni_hostname": parts.hostname}, **more
        )


def talk(internet: LoopbackInternet, host: str, *said: bytes, half: bool = False) -> bytes:
    """Say this on port 80 of this host, and take all that comes until the server has enough.

    `half` closes our side after the last word.
    """
    dialled = internet.dial(Endpoint(address_of(internet, host), 80))
    assert dialled.socket is not None, dialled
    got = b""
    with dialled.socket as sock:
        for part in said:
            sock.sendall(part)
        if half:
            sock.shutdown(socket.SHUT_WR)
        try:
            while data := sock.recv(65_536):
                got += data
        except ConnectionResetError:
            got += b"<RST>"
    return got


def curl(internet: LoopbackInternet, folder: Path, url: str, *options: str) -> str:
    """What curl prints about this URL."""
    root = folder / "root.pem"
    root.write_text(internet.certificates.root_pem)
    parts, (address, port) = urlsplit(url), place_of(internet, url)
    real = parts.port or (443 if parts.scheme == "https" else 80)
    there = f"{parts.hostname}:{real}:{address}:{port}"
    command = [need("curl"), "-sS", "--cacert", str(root), "--connect-to", there, *options, url]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    return (done.stdout + done.stderr).decode("latin-1")
