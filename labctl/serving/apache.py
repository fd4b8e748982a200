"""The Apache of this machine as a child: its configuration in a temporary folder, its modules named one by one."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path

from labctl.errors import CannotRun
from labctl.serving.reverse_proxy import Place, StandingProxy, program_path, stand_proxy, version

# What a reverse proxy needs. Some are built in on some systems: what has no file is left out.
_MODULES = (
    *("mpm_event", "unixd", "log_config", "authz_core", "alias", "dir", "mime", "setenvif", "headers", "env"),
    *("proxy", "proxy_http", "slotmem_shm", "proxy_balancer", "lbmethod_byrequests", "rewrite", "ssl"),
)
_FOLDERS = (
    *("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules", "/etc/httpd/modules"),
    *("/usr/libexec/apache2", "/opt/homebrew/lib/httpd/modules", "/usr/local/lib/httpd/modules"),
)
_FRAME = """\
ServerRoot "{folder}"
DefaultRuntimeDir "{folder}"
PidFile "{folder}/httpd.pid"
Mutex posixsem
Listen {address}
{modules}{user}ServerName www.shop.test
ErrorLog "{folder}/error.log"
LogLevel warn ssl:error
TypesConfig "{folder}/mime.types"
StartServers 1
ServerLimit 1
ThreadsPerChild 32
MinSpareThreads 4
MaxSpareThreads 32
MaxRequestWorkers 32
{text}"""
_TYPES = "text/css css\ntext/plain txt\ntext/html html\nimage/svg+xml svg\n"
_NOBODY = 65534


def stand_apache(
    text: str,
    *,
    files: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    secure: bool = False,
) -> StandingProxy:
    """An Apache with this text as its configuration; `LISTEN` in it is its address, `FOLDER` its folder.

    `files` (name to text, such as a certificate) are put into that folder; `secure`: it speaks TLS. Raises CannotRun
    server-missing, proxy-not-started, port-in-use.
    """
    program = program_path("Apache", "apache2", "httpd")

    def configure(place: Place) -> str:
        address = f"{place.host}:{place.port}"
        whole = text.replace("LISTEN", address).replace("FOLDER", str(place.folder))
        return _FRAME.format(
            folder=place.folder, address=address, modules=_load_modules(), user=_user(), text=whole
        )

    def command(path: Path) -> list[str]:
        return [program, "-f", str(path), "-DFOREGROUND"]

    return stand_proxy(
        apache_version(),
        configure,
        command,
        files={"mime.types": _TYPES, **(files or {})},
        host=host,
        port=port,
        secure=secure,
    )


@functools.cache
def apache_version() -> str:
    """`Apache 2.4.71`. Raises CannotRun server-missing."""
    return version("Apache", program_path("Apache", "apache2", "httpd"), r"Apache/([\d.]+)")


@functools.cache
def _load_modules() -> str:
    """LoadModule lines. Raises CannotRun server-missing when there is no folder of modules."""
    folder = next((Path(each) for each in _FOLDERS if Path(each, "mod_proxy.so").exists()), None)
    if folder is None:
        raise CannotRun(
            "server-missing",
            "Apache is here, and its modules are not",
            evidence=(("looked for", "mod_proxy.so"), ("in", ", ".join(_FOLDERS))),
            fixes=("labctl proxy",),
        )
    found = [(name, folder / f"mod_{name}.so") for name in _MODULES]
    return "".join(f'LoadModule {name}_module "{path}"\n' for name, path in found if path.exists())


def _user() -> str:
    """Apache does not serve as root: its children become nobody."""
    return f"User #{_NOBODY}\nGroup #{_NOBODY}\n" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
