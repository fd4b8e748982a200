"""`--config`: a configuration of nginx or Apache, read: who takes a path, what the app gets, which traps are set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from labctl.events import Event
from labctl.protocols.proxy_answers import ConfigError
from labs.proxy.config_file import Server, broken, read_source


def explained(
    config: str,
    *,
    paths: Sequence[str] = (),
    server: Server | None = None,
    host: str = "",
    method: str = "GET",
) -> Iterator[Event]:
    """The events. Raises UsageError config-unreadable, config-not-file, config-ambiguous, path-invalid and Malformed
    config-malformed, at once. Nobody is asked and nothing is judged.
    """
    from labs.proxy.config_asking import read_paths

    asked = read_paths(paths, host, method)
    source = read_source(config, server)
    try:
        if source.server == "nginx":
            from labs.proxy.config_nginx import told
        else:
            from labs.proxy.config_apache import told
        return iter(list(told(source, Path(config), asked)))
    except ConfigError as error:
        raise broken(config, source.server, error, source.text) from error
