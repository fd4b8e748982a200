"""Many configurations in one real Apache, each on an address of its own, before backends that say what they got.

They are written as those of `asked_nginx`; what stands in no <VirtualHost> is put into one.
"""

from __future__ import annotations

import contextlib
import http.server
import re
import shutil
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from free_ports import on_a_free_port
from protocols.asked_nginx import ECHOED, FILES, VISITOR, Case, Told, on_disk, told

from labctl.protocols.apache_answering import answer
from labctl.protocols.apache_grammar import parse
from labctl.protocols.apache_scopes import Configuration
from labctl.protocols.proxy_answers import Request
from labctl.serving.apache import _FOLDERS, stand_apache
from labctl.serving.asking import ask
from labctl.serving.reverse_proxy import StandingProxy

# What a proxy says of the connection to its backend is no part of the answer.
_NOT_COMPARED = ("connection",)


def case(name: str, text: str, *targets: str, hosts: bool = False, **more: object) -> Case:
    """A case; unless it has `hosts` of its own it is put into one virtual host with DocumentRoot /srv/www."""
    whole = (
        text
        if hosts
        else f"<VirtualHost *:80>\nServerName shop.test\nDocumentRoot /srv/www\n{text}\n</VirtualHost>\n"
    )
    return Case(name, whole, targets, **more)  # type: ignore[arg-type]


def ours(case: Case, target: str) -> Told:
    """What we say."""
    request = Request(target, case.host, "http", case.method, case.fields, case.port, VISITOR)
    return _compared(told(answer(Configuration(parse(case.text)), request, on_disk)))


def _compared(said: Told) -> Told:
    return said._replace(sent=tuple(pair for pair in said.sent if pair[0] not in _NOT_COMPARED))


class RealApache:
    """An Apache with all cases."""

    def __init__(self, standing: StandingProxy, cases: Sequence[Case], disk: str) -> None:
        self._disk = disk
        self._at = {each.name: _address(number) for number, each in enumerate(cases)}
        self._port = standing.address[1]

    def asked(self, case: Case, target: str) -> Told:
        """What Apache does."""
        lines = [f"{case.method} {target} HTTP/1.1", f"Host: {case.host}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in case.fields]
        raw = "\r\n".join((*lines, "", "")).encode("latin-1")
        got = ask((self._at[case.name], self._port), target, raw=raw, source=VISITOR)
        text = self._back(got.body.decode("latin-1"))
        if got.failure or not got.status:
            return Told("gone")
        if got.status in (301, 302, 303, 307, 308):
            return Told("redirect", self._back(got.get("Location") or ""), got.status)
        if text.startswith("BACKEND "):
            first, path, *values = text.splitlines()
            sent = tuple(zip(ECHOED, (value.removeprefix("=") for value in values), strict=True))
            to = f"{first.removeprefix('BACKEND ')} {path.removeprefix('path=')}"
            return _compared(Told("proxy", to, got.status, sent))
        if text.startswith("FILE "):
            return Told("file", text.removeprefix("FILE "), got.status)
        return Told("status", "", got.status)

    def _back(self, text: str) -> str:
        text = re.sub(
            rf"127\.78\.0\.(\d):{self._port}", lambda found: f"127.0.0.1:800{int(found[1]) - 1}", text
        )
        return text.replace(f":{self._port}", "").replace(self._disk, "/srv")


def _address(number: int) -> str:
    return f"127.77.{number // 250}.{number % 250 + 1}"


@contextlib.contextmanager
def real_apache(cases: Sequence[Case]) -> Iterator[RealApache]:
    """An Apache that serves all cases at once. Skips where only one address of the loopback is there."""
    if not sys.platform.startswith("linux"):
        pytest.skip("each case has an address of its own, and 127.0.0.0/8 is whole on Linux only")
    disk = tempfile.mkdtemp(prefix="labctl-srv-")
    modules = next((Path(each) for each in _FOLDERS if Path(each, "mod_autoindex.so").exists()), None)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, disk, ignore_errors=True)
        Path(disk).chmod(0o755)
        for name in FILES:
            path = Path(disk, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"FILE /srv/{name}", encoding="utf-8")
        stack.enter_context(_backend(0, f"{disk}/app.sock"))
        text = "".join(_moved(each, number, disk) for number, each in enumerate(cases))
        # As Debian has it: without this module a folder without an index is 404 and not 403.
        text = f'LoadModule autoindex_module "{modules}/mod_autoindex.so"\n{text}' if modules else text

        def start(port: int) -> StandingProxy:
            with contextlib.ExitStack() as begun:
                for number in range(4):
                    begun.enter_context(_backend(number, (f"127.78.0.{number + 1}", port)))
                standing = begun.enter_context(stand_apache(text.replace("PORT", str(port)), port=port))
                stack.push(begun.pop_all())
                return standing

        yield RealApache(on_a_free_port(start), cases, disk)


def _moved(case: Case, number: int, disk: str) -> str:
    at = _address(number)
    text = re.sub(r"<VirtualHost \S+?80>", f"<VirtualHost {at}:PORT>", case.text)
    text = re.sub(r"127\.0\.0\.1:800(\d)", lambda found: f"127.78.0.{int(found[1]) + 1}:PORT", text)
    text = re.sub(r"balancer://(\w+)", rf"balancer://\g<1>{number}", text)
    return f"Listen {at}:PORT\n" + text.replace("/srv", disk)


class _Server(http.server.ThreadingHTTPServer):
    def __init__(
        self, address: tuple[str, int] | str, handler: type[http.server.BaseHTTPRequestHandler]
    ) -> None:
        self.address_family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        super().__init__(address, handler)  # type: ignore[arg-type]
        if isinstance(address, str):
            Path(address).chmod(0o777)

    def server_bind(self) -> None:
        # Not HTTPServer's, which looks a name up.
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        return self.socket.accept()[0], ("127.0.0.1", 0)


@contextlib.contextmanager
def _backend(number: int, address: tuple[str, int] | str) -> Iterator[None]:
    class Echo(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got = [(name.lower().replace("-", "_"), value) for name, value in self.headers.items()]
            values = [", ".join(value for name, value in got if name == wanted) for wanted in ECHOED]
            # self.path would have one slash where two were sent.
            path = self.requestline.split(" ")[1]
            name = "unix:/srv/app.sock" if isinstance(address, str) else f"127.0.0.1:800{number}"
            lines = [f"BACKEND {name}", f"path={path}", *(f"={value}" for value in values)]
            body = "\n".join(lines).encode("latin-1")
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  # the name that http.server asks for

        def log_message(self, *_: object) -> None:
            pass

    with _Server(address, Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
