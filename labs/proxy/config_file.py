"""A configuration file and what it includes: read from disk, recognised, and put together. Errors are told here."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from shlex import quote
from typing import Literal, NamedTuple

from labctl.errors import Malformed, UsageError
from labctl.protocols.proxy_answers import ConfigError

Server = Literal["nginx", "apache"]
MOST_BYTES = 4 * 1024 * 1024
STDIN = "-"
_STARTS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip file",
    b"\x7fELF": "a program",
    b"-----BEGIN": "a key or a certificate",
    b"#!": "a script",
    b"<?xml": "an XML document",
    b"<!doctype": "a web page",
    b"<html": "a web page",
}
_APACHE = re.compile(
    r"^\s*(?:</?\s*(?:VirtualHost|Location|LocationMatch|Directory|IfModule|Proxy|Files|Macro)\b"
    r"|(?:ProxyPass|ProxyPassReverse|ProxyPassMatch|ProxyPreserveHost|RewriteEngine|RewriteRule|Alias|AliasMatch|"
    r"DocumentRoot|ServerName|ServerRoot|LoadModule|RequestHeader|SetEnvIf|IncludeOptional|ErrorLog|Listen)\s+\S)",
    re.IGNORECASE | re.MULTILINE,
)
# What Jinja, Mustache and the like put a value into.
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_NGINX = re.compile(
    r"^\s*(?:(?:http|server|events|location\b[^{\n]*|upstream\s+\S+|map\s+\S+\s+\$\w+)\s*\{|"
    r"(?:proxy_pass|listen|server_name|proxy_set_header|try_files|worker_processes)\s[^\n;]*;)",
    re.MULTILINE,
)


class Source(NamedTuple):
    """A file as it was read: its name as typed, its text, whose it is."""

    name: str
    text: str
    server: Server

    @property
    def title(self) -> str:
        """What it is called on the screen."""
        return "standard input" if self.name == STDIN else Path(self.name).name


def read_source(name: str, server: Server | None) -> Source:
    """The file, and whose it is. Raises UsageError cannot-read, config-ambiguous; Malformed config-malformed."""
    if name == STDIN:
        return _source("standard input", sys.stdin.buffer.read(MOST_BYTES + 1), server, typed=name)
    path = Path(name)
    try:
        if path.is_dir():
            inside = next(
                (
                    path / each
                    for each in ("nginx.conf", "apache2.conf", "httpd.conf")
                    if (path / each).is_file()
                ),
                None,
            )
            raise UsageError(
                "config-not-file",
                f"{name} is a folder, and --config reads a file",
                fixes=(f"labctl proxy --config {quote(str(inside or path / 'FILE'))}",),
            )
        if path.name == ".htaccess":
            raise UsageError(
                "config-not-file",
                f"{name} holds inside one folder, after ProxyPass and Alias have spoken; give the main configuration",
                fixes=("labctl proxy --config /etc/apache2/apache2.conf",),
            )
        if path.exists() and not path.is_file():
            raise UsageError(
                "config-not-file",
                f"{name} is no ordinary file, so it is not read",
                fixes=("labctl proxy --config - < FILE   reads what is piped in",),
            )
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            "config-unreadable", f"{name} cannot be read", evidence=(("got", reason),)
        ) from error
    return _source(name, raw, server, typed=name)


def as_text(raw: bytes) -> str:
    """A character a byte, as both servers read their files: /ä in a file is the /%C3%A4 of a request."""
    return raw.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _source(name: str, raw: bytes, server: Server | None, *, typed: str) -> Source:
    _is_text(name, raw)
    text = as_text(raw)
    return Source(typed, text, server or _recognised(name, text))


def template_marks(text: str) -> list[tuple[int, str]]:
    """Lines with {{ value }} or {% if %} in them, which no server understands; comments do not count."""
    return [
        (number, found[0])
        for number, line in enumerate(text.splitlines(), 1)
        if not line.lstrip().startswith("#") and (found := _TEMPLATE.search(line))
    ]


def _is_text(name: str, raw: bytes) -> None:
    head = raw[:64].lstrip().lower()
    what = next((what for start, what in _STARTS.items() if head.startswith(start.lower())), "")
    if not raw.strip():
        raise _malformed(name, "is empty")
    if what:
        raise _malformed(name, f"is {what}")
    if len(raw) > MOST_BYTES:
        raise _malformed(name, f"is larger than {MOST_BYTES // 1024 // 1024} MB, which no configuration is")
    if b"\0" in raw:
        raise _malformed(name, "holds NUL bytes, so it is no text")


def _looks_like(text: str) -> Server | None:
    apache, nginx = (len(pattern.findall(text)) for pattern in (_APACHE, _NGINX))
    if not apache and not nginx:
        return None
    return "apache" if apache > nginx else "nginx"


def _recognised(name: str, text: str) -> Server:
    without_comments = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    if looks := _looks_like(without_comments):
        return looks
    stripped = without_comments.strip()
    if not stripped:
        raise _malformed(name, "holds comments and nothing else")
    if stripped[0] in "{[" and stripped[-1] in "}]":
        raise _malformed(name, "looks like JSON")
    if re.search(r"^(?:import|from|def|class) \w", stripped, re.MULTILINE):
        raise _malformed(name, "looks like Python")
    first = stripped.splitlines()[0].strip()[:60]
    raise UsageError(
        "config-ambiguous",
        f"{name} looks like no configuration of nginx, and like none of Apache",
        evidence=(
            ("its first line", first),
            ("looked for", "server {, location, proxy_pass; VirtualHost, ProxyPass, Alias"),
        ),
        fixes=(
            f"labctl proxy --config {quote(name)} --with nginx",
            f"labctl proxy --config {quote(name)} --with apache",
        ),
    )


def _malformed(name: str, what: str) -> Malformed:
    return Malformed(
        "config-malformed", f"{name} {what}; --config reads a configuration of nginx or of Apache"
    )


def broken(name: str, server: Server, error: ConfigError, text: str) -> Malformed:
    """What is told about text that the server itself would refuse."""
    line = ""
    if not error.place.file:
        lines = text.splitlines()
        line = lines[error.place.line - 1].strip()[:80] if 0 < error.place.line <= len(lines) else ""
    name = "standard input" if name == STDIN else name
    if marks := template_marks(text):
        number, mark = marks[0]
        return Malformed(
            "config-malformed",
            f"{name} is a template ({mark[:40]} at line {number}): give what is made out of it, "
            "with the values in their places",
        )
    looks = _looks_like(text)
    if looks not in (None, server):
        return Malformed(
            "config-malformed",
            f"{name} is no configuration of {server}: it looks like one of {looks}",
            fixes=(f"labctl proxy --config {quote(name)}",),
        )
    check = "nginx -t" if server == "nginx" else "apache2ctl configtest"
    where = f"{name}, {error.place}" if not error.place.file else str(error.place)
    return Malformed(
        "config-malformed",
        f"{where}: {error.sentence[:1].lower()}{error.sentence[1:]}"
        if re.match(r"(?!Apache\b)[A-Z][a-z]*\b", error.sentence)
        else f"{where}: {error.sentence}",
        evidence=((("line", line),) if line else ()),
        fixes=(f"{check}   says what the server itself thinks",),
    )
