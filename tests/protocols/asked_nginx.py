"""Many configurations in one real nginx, each on an address of its own, before backends that say what they got.

A configuration writes `listen 80` (or another port), backends 127.0.0.1:8000 to :8003, and files under /srv; all of
these are moved to where they can stand, and the answers are moved back.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from free_ports import on_a_free_port

from labctl.protocols.nginx_answering import answer
from labctl.protocols.nginx_grammar import parse
from labctl.protocols.nginx_scopes import Configuration
from labctl.protocols.proxy_answers import Answer, Fields, OnDisk, Request
from labctl.serving.asking import ask
from labctl.serving.nginx import stand_nginx
from labctl.serving.reverse_proxy import StandingProxy

VISITOR = "127.0.0.1"
# What the echoing backends say, beside the path.
ECHOED = (
    *(
        "host",
        "x_forwarded_for",
        "x_forwarded_proto",
        "x_forwarded_host",
        "x_real_ip",
        "connection",
        "upgrade",
    ),
    *("x_a", "x_b"),
)
FILES = (
    *("www/index.html", "www/static/app.css", "www/static/js/a.js", "www/about.html", "www/docs/index.html"),
    *("www/50x.html", "www/page.html", "secret.txt", "media/a.png", "other/index.htm", "www/empty/x/keep"),
    *("www/a b.txt", "www/api/x.json", "www/404.html"),
)


class Case(NamedTuple):
    """A configuration and what is asked of it. `host` is in Host; `fields` the visitor sends besides."""

    name: str
    text: str
    targets: tuple[str, ...]
    host: str = "shop.test"
    fields: Fields = ()
    port: int = 80
    method: str = "GET"


class Told(NamedTuple):
    """An answer in the form in which ours and nginx's are compared."""

    kind: str
    to: str = ""
    status: int = 0
    sent: tuple[tuple[str, str], ...] = ()


def case(name: str, text: str, *targets: str, server: bool = True, **more: object) -> Case:
    """A case; `server` puts the text into one server block with root /srv/www."""
    whole = f"server {{ listen 80; server_name shop.test; root /srv/www;\n{text}\n}}" if server else text
    return Case(name, whole, targets, **more)  # type: ignore[arg-type]


def ours(case: Case, target: str) -> Told:
    """What we say."""
    configuration = Configuration(parse(case.text))
    request = Request(target, case.host, "http", case.method, case.fields, case.port, VISITOR)
    return told(answer(configuration, request, on_disk))


def told(said: Answer) -> Told:
    """Our answer in the form of `Told`."""
    if said.kind == "proxy":
        sent = tuple(
            (name, next((value for key, value in said.sent if key.lower().replace("-", "_") == name), ""))
            for name in ECHOED
        )
        path = said.to.partition("://")[2]
        path = path.rpartition("app.sock")[2].lstrip(":|") or path
        path = path.removeprefix("http://")
        path = path[path.index("/") :]
        if " " in path:
            # nginx sends the blank as it is, and the backend refuses that line.
            return Told("status", status=400)
        return Told("proxy", f"{','.join(said.backends)} {path}", 200, sent)
    if said.kind == "file":
        return Told("file", posixpath.normpath(said.to), said.status)
    if said.kind == "gone":
        return Told("gone")
    return Told(said.kind, said.to if said.kind == "redirect" or said.status == 200 else "", said.status)


def on_disk(path: str) -> OnDisk:
    """The files of the cases, which are at /srv for them."""
    name = re.sub("/+", "/", path).removeprefix("/srv/").rstrip("/")
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        else:
            parts.append(part)
    name = "/".join(parts)
    if name in FILES:
        return "file"
    return "folder" if path.startswith("/srv") and any(each.startswith(f"{name}/") for each in FILES) else ""


class RealNginx:
    """An nginx with all cases."""

    def __init__(self, standing: StandingProxy, cases: Sequence[Case], disk: str) -> None:
        self._standing, self._disk = standing, disk
        self._at = {
            each.name: f"127.77.{number // 250}.{number % 250 + 1}" for number, each in enumerate(cases)
        }
        self._port = standing.address[1]

    def asked(self, case: Case, target: str) -> Told:
        """What nginx does."""
        place = (self._at[case.name], self._port)
        lines = [f"{case.method} {target} HTTP/1.1", f"Host: {case.host}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in case.fields]
        raw = "\r\n".join((*lines, "", "")).encode("latin-1")
        got = ask(place, target, raw=raw, source=VISITOR)
        text = self._back(got.body.decode("latin-1"))
        if got.failure or not got.status:
            return Told("gone")
        if got.status in (301, 302, 303, 307, 308):
            return Told("redirect", self._back(got.get("Location") or ""), got.status)
        if text.startswith("BACKEND "):
            first, path, *values = text.splitlines()
            return Told(
                "proxy",
                f"{first.removeprefix('BACKEND ')} {path.removeprefix('path=')}",
                got.status,
                tuple(zip(ECHOED, (value.removeprefix("=") for value in values), strict=True)),
            )
        if text.startswith("FILE "):
            return Told("file", text.removeprefix("FILE "), got.status)
        return Told("status", text if got.status == 200 else "", got.status)

    def _back(self, text: str) -> str:
        text = re.sub(r"\b(\w+)_case\d+\b", r"\1", text)
        text = re.sub(
            rf"127\.78\.0\.(\d):{self._port}", lambda found: f"127.0.0.1:800{int(found[1]) - 1}", text
        )
        return text.replace(f":{self._port}", "").replace(self._disk, "/srv")

    def log(self) -> str:
        """What nginx wrote into its log."""
        return self._standing.log()


@contextlib.contextmanager
def real_nginx(cases: Sequence[Case]) -> Iterator[RealNginx]:
    """An nginx that serves all cases at once. Skips where only one address of the loopback is there."""
    if not sys.platform.startswith("linux"):
        pytest.skip("each case has an address of its own, and 127.0.0.0/8 is whole on Linux only")
    disk = tempfile.mkdtemp(prefix="labctl-srv-")
    try:
        Path(disk).chmod(0o755)
        for name in FILES:
            path = Path(disk, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"FILE /srv/{name}", encoding="utf-8")
        text = "".join(_moved(each, number, disk) for number, each in enumerate(cases)) + _backends()
        text = text.replace("SOCKETS", disk)
        with on_a_free_port(lambda port: stand_nginx(text.replace("PORT", str(port)), port=port)) as standing:
            yield RealNginx(standing, cases, disk)
    finally:
        shutil.rmtree(disk, ignore_errors=True)


def _moved(case: Case, number: int, disk: str) -> str:
    at = f"127.77.{number // 250}.{number % 250 + 1}"
    text = re.sub(r"listen \S*?80\b", f"listen {at}:PORT", case.text)
    text = re.sub(r"127\.0\.0\.1:800(\d)", lambda found: f"127.78.0.{int(found[1]) + 1}:PORT", text)
    text = text.replace("/srv", disk)
    for name in re.findall(r"upstream (\w+)", text):
        text = re.sub(rf"\b{name}\b", f"{name}_case{number}", text)
    for name in re.findall(r"map \S+ \$(\w+)", text):
        text = re.sub(rf"\${name}\b", f"${name}_case{number}", text)
    return text


def _backends() -> str:
    echo = "\\n".join(("path=$request_uri", *(f"=$http_{name}" for name in ECHOED)))
    servers = [
        f"server {{ listen 127.78.0.{number + 1}:PORT; merge_slashes off; underscores_in_headers on;\n"
        f'  return 200 "BACKEND 127.0.0.1:800{number}\\n{echo}"; }}\n'
        for number in range(4)
    ]
    servers.append(
        "server { listen unix:SOCKETS/app.sock; merge_slashes off;\n"
        f'  return 200 "BACKEND unix:/srv/app.sock\\n{echo}"; }}\n'
    )
    return "".join(servers) + "server { listen LISTEN; return 200 ok; }\n"
