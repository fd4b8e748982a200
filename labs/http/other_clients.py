"""httpx and curl, following a redirect in the sandbox: what other people's clients do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from labctl import children
from labs.http.peer import Desk, Unreached

if TYPE_CHECKING:
    import httpx


def httpx_follows(desk: Desk, url: str, content: bytes) -> None:
    """POST with httpx, which decides what to send next; our connections carry it."""
    import httpx

    class Carried(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            with desk.reach(str(request.url)) as peer:
                skipped = ("host", "content-length", "connection")
                fields = tuple((n, v) for n, v in request.headers.items() if n.lower() not in skipped)
                answer = peer.ask(method=request.method, fields=fields, body=request.read())
            return httpx.Response(answer.status or 502, headers=list(answer.fields), content=answer.body)

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with httpx.Client(transport=Carried(), follow_redirects=True, trust_env=False) as client:
        try:
            client.post(url, content=content, headers=form)
        except (httpx.HTTPError, Unreached):
            return  # what the application got is looked up in the sites' own log


def curl_follows(desk: Desk) -> Callable[[str, bytes], None] | None:
    """A function that POSTs with curl -L; None where there is none, or where it could not reach the town."""
    network = desk.internet.network
    program = shutil.which("curl")
    if network is None or program is None or network.client_address == network.server_address:
        return None

    def follow(url: str, content: bytes) -> None:
        arguments = [program, "-sL", "-m", "5", "-o", os.devnull, "-d", content.decode(), url]
        with network.on_client():
            process = children.start(arguments, stderr=subprocess.DEVNULL)
            try:
                process.wait(6.0)
            except subprocess.TimeoutExpired:
                children.end(process)

    return follow
