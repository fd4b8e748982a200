"""A configuration file and what it includes: read from disk, recognised, and put together. Errors are told here."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Literal, NamedTuple

from labctl.errors import Malformed, UsageError
from labctl.protocols.proxy_answers import ConfigError, OnDisk, Place

Server = Literal["nginx", "apache"]
MOST_BYTES = 4 * 1024 * 1024
MOST_FILES = 500
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


class Includes:
    """Reads what a configuration includes. `missing` are patterns that named no file, with their place."""

    def __init__(self, main: Path) -> None:
        self._folder = main.resolve().parent
        self._read = 0
        self.missing: list[tuple[str, Place]] = []
        self.files: list[str] = []

    def __call__(self, pattern: str, place: Place, optional: bool = False) -> Sequence[tuple[str, str]]:
        """Names and texts, in the order of their names, as glob(3) gives them. Raises ConfigError for too many."""
        found: list[str] = []
        # A file of sites-available names others as seen from the main file's folder, which is the one above.
        for folder in (self._folder, self._folder.parent):
            found = sorted(each for each in glob.glob(os.path.join(folder, pattern)) if os.path.isfile(each))
            if found or os.path.isabs(pattern):
                break
        if not found and not optional and not set(pattern) & set("*?["):
            self.missing.append((pattern, place))
        out = []
        for path in found:
            self._read += 1
            if self._read > MOST_FILES:
                raise ConfigError(f"More than {MOST_FILES} files are included", place)
            try:
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    text = file.read(MOST_BYTES + 1)
            except OSError as error:
                self.missing.append((f"{pattern} ({error.strerror})", place))
                continue
            if len(text) > MOST_BYTES:
                raise ConfigError(f"{path} is larger than {MOST_BYTES:,} bytes", place)
            name = os.path.relpath(path, self._folder)
            self.files.append(name)
            out.append((name if not name.startswith("..") else path, text))
        return out


def read_source(name: str, server: Server | None) -> Source:
    """The file, and whose it is. Raises UsageError cannot-read, config-ambiguous; Malformed config-malformed."""
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
            raise UsageError("config-not-file", f"{name} is no ordinary file, so it is not read")
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            "config-unreadable", f"{name} cannot be read", evidence=(("got", reason),)
        ) from error
    _is_text(name, raw)
    text = raw.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    return Source(name, text, server or _recognised(name, text))


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


def _recognised(name: str, text: str) -> Server:
    without_comments = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    apache, nginx = (len(pattern.findall(without_comments)) for pattern in (_APACHE, _NGINX))
    if apache and not nginx:
        return "apache"
    if nginx and not apache:
        return "nginx"
    if apache and nginx:
        return "apache" if apache > nginx else "nginx"
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
    check = "nginx -t" if server == "nginx" else "apache2ctl configtest"
    where = f"{name}, {error.place}" if not error.place.file else str(error.place)
    return Malformed(
        "config-malformed",
        f"{where}: {error.sentence[:1].lower()}{error.sentence[1:]}"
        if error.sentence[:2].istitle()
        else f"{where}: {error.sentence}",
        evidence=((("line", line),) if line else ()),
        fixes=(f"{check}   says what the server itself thinks",),
    )


class Disk:
    """What is at a path here; None where the configuration's disk is plainly another machine's."""

    def __init__(self) -> None:
        self._known: dict[str, OnDisk] = {}

    def __call__(self, path: str) -> OnDisk:
        """Look. A folder above that exists here, below the root and its usual children, makes the path ours."""
        if path not in self._known:
            self._known[path] = self._look(path)
        return self._known[path]

    def _look(self, path: str) -> OnDisk:
        if not path.startswith("/") or "\0" in path:
            return None
        try:
            if os.path.isdir(path):
                return "folder"
            if os.path.exists(path):
                return "file"
        except (OSError, ValueError):
            return None
        parent = Path(os.path.normpath(path)).parent
        # /srv/shop is here when /srv/shop exists; that /srv exists says nothing about /srv/shop.
        return "" if len(parent.parts) > 2 and parent.exists() else None
