"""The nginx of this machine as a child: its configuration in a temporary folder, an unprivileged port, one process."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from labctl.serving.reverse_proxy import Place, StandingProxy, program_path, stand_proxy, version

_FRAME = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 512; }}
http {{
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{http}}}
"""


def stand_nginx(
    http: str,
    *,
    files: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    secure: bool = False,
) -> StandingProxy:
    """An nginx with this text inside its http block; `LISTEN` in it is its address, `FOLDER` its folder.

    `files` (name to text, such as a certificate) are put into that folder; `secure`: it speaks TLS. Raises CannotRun
    server-missing, proxy-not-started, port-in-use.
    """
    program = program_path("nginx", "nginx")

    def configure(place: Place) -> str:
        text = http.replace("LISTEN", f"{place.host}:{place.port}").replace("FOLDER", str(place.folder))
        return _FRAME.format(folder=place.folder, http=text)

    def command(path: Path) -> list[str]:
        return [program, "-p", str(path.parent), "-c", str(path), "-e", "stderr"]

    return stand_proxy(
        nginx_version(), configure, command, files=files or {}, host=host, port=port, secure=secure
    )


@functools.cache
def nginx_version() -> str:
    """`nginx 1.22.1`. Raises CannotRun server-missing."""
    return version("nginx", program_path("nginx", "nginx"), r"nginx/([\d.]+)")
