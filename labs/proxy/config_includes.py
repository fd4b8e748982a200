"""The files that a configuration includes, and what is on the disk that it speaks of."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from labctl.protocols.proxy_answers import ConfigError, OnDisk, Place
from labs.proxy.config_file import MOST_BYTES, STDIN, Server, as_text

MOST_FILES = 500
# Where the packages of Debian and the images of Docker have the files that others include by their bare name.
_HOMES: dict[Server, tuple[str, ...]] = {
    "nginx": ("/etc/nginx",),
    "apache": ("/etc/apache2", "/etc/httpd"),
}
# They come with nginx, Apache or certbot, and hold nothing that changes who answers.
_HARMLESS = frozenset(
    (
        *(
            "mime.types",
            "fastcgi_params",
            "fastcgi.conf",
            "uwsgi_params",
            "scgi_params",
            "koi-utf",
            "koi-win",
        ),
        *("win-utf", "fastcgi-php.conf", "snakeoil.conf", "ssl-params.conf", "self-signed.conf"),
        *("options-ssl-nginx.conf", "options-ssl-apache.conf", "ports.conf"),
    )
)
# Debian's /etc/nginx/proxy_params (package nginx-common, unchanged since 2012).
_DEBIAN = {
    "proxy_params": "proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr; "
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;"
}


class Includes:
    """Reads what a configuration includes.

    `missing` are patterns that named no file, with their place; `usual` the bare names of missing files that change no
    answer; `taken` sentences about files that were taken from elsewhere.
    """

    def __init__(self, main: str, server: Server) -> None:
        self._folder = Path.cwd() if main == STDIN else Path(main).resolve().parent
        self._server = server
        self._read = 0
        self.missing: list[tuple[str, Place]] = []
        self.usual: list[str] = []
        self.taken: list[str] = []

    def __call__(
        self, pattern: str, place: Place, optional: bool = False
    ) -> Sequence[tuple[str, str]] | None:
        """Names and texts, in the order of their names, as glob(3) gives them; None: what stands there is not known.

        Raises ConfigError for too many files.
        """
        found = self._found(pattern)
        if not found:
            return self._instead(pattern, place, optional)
        out = []
        for path in found:
            self._read += 1
            if self._read > MOST_FILES:
                raise ConfigError(f"More than {MOST_FILES} files are included", place)
            try:
                with open(path, "rb") as file:
                    raw = file.read(MOST_BYTES + 1)
            except OSError as error:
                self.missing.append((f"{pattern} ({error.strerror})", place))
                return None
            if len(raw) > MOST_BYTES:
                raise ConfigError(f"{path} is larger than {MOST_BYTES:,} bytes", place)
            name = os.path.relpath(path, self._folder)
            out.append((name if not name.startswith("..") else path, as_text(raw)))
        return out

    def _found(self, pattern: str) -> list[str]:
        # A file of sites-available names others as seen from the main file's folder, which is the one above.
        near = (str(self._folder), str(self._folder.parent))
        for folder in (*near, *_HOMES[self._server]):
            found = sorted(each for each in glob.glob(os.path.join(folder, pattern)) if os.path.isfile(each))
            if found and folder not in near and not os.path.isabs(pattern):
                self._elsewhere(pattern, found[0])
            if found or os.path.isabs(pattern) or (folder in near[1:] and set(pattern) & set("*?[")):
                return found
        return []

    def _elsewhere(self, pattern: str, path: str) -> None:
        sentence = f"{pattern} is not beside the file: {path} of this machine was read."
        if pattern.rpartition("/")[2] not in _HARMLESS and sentence not in self.taken:
            self.taken.append(sentence)

    def _instead(self, pattern: str, place: Place, optional: bool) -> Sequence[tuple[str, str]] | None:
        name = pattern.rpartition("/")[2]
        if optional or set(pattern) & set("*?["):
            return ()
        if self._server == "nginx" and name in _DEBIAN:
            sentence = f"{pattern} is not here: that of Debian is taken, which sets four fields."
            if sentence not in self.taken:
                self.taken.append(sentence)
            return ((pattern, _DEBIAN[name]),)
        if name in _HARMLESS:
            if name not in self.usual:
                self.usual.append(name)
            return ()
        self.missing.append((pattern, place))
        return None


class Disk:
    """What is at a path here; None where the configuration's disk is plainly another machine's."""

    def __init__(self) -> None:
        self._known: dict[str, OnDisk] = {}

    def __call__(self, path: str) -> OnDisk:
        """Look. A folder above that exists here, below the root and its usual children, makes the path ours."""
        if path not in self._known:
            self._known[path] = self._look(_bytes(path))
        return self._known[path]

    def _look(self, path: bytes) -> OnDisk:
        if not path.startswith(b"/") or b"\0" in path:
            return None
        try:
            if os.path.isdir(path):
                return "folder"
            if os.path.exists(path):
                return "file"
        except (OSError, ValueError):
            return None
        parent = os.path.dirname(os.path.normpath(path))
        # /srv/shop is here when /srv/shop exists; that /srv or /var/www exists says nothing about what stands below.
        least = 3 if parent.startswith((b"/var/", b"/usr/", b"/home/")) else 2
        return "" if parent.count(b"/") >= least and os.path.exists(parent) else None


def _bytes(path: str) -> bytes:
    """A path of a configuration is a character a byte."""
    try:
        return path.encode("latin-1")
    except UnicodeEncodeError:
        return os.fsencode(path)
