"""What can be meant by the options of the proxy lab, and what to type instead of what cannot."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Literal
from urllib.parse import quote as percent

from labctl.errors import UsageError
from labctl.internet import Internet

With = Literal["embedded", "nginx", "apache"]
# Straight to the server: nothing stands before it.
_WITHOUT_PROXY = ("underscore", "gunicorn-trust")
# Faults of labctl's own proxy and of what it stands in for; a real nginx or Apache has none of them.
_OF_THE_PROXY = ("proxy-", "nginx-", "apache-", "origin-")


def target_of(app: str, path: str) -> str:
    """What an app is asked for. Raises UsageError for what is no path."""
    if not path.startswith("/") or any(not "!" <= each <= "~" for each in path):
        raise UsageError(
            "path-invalid",
            f"{path[:60]!r} is no path: it begins with a /, and other characters than ASCII stand there as %C3%A9",
            fixes=(f"labctl proxy {quote(app)} --path {_nearest(path)}",),
        )
    return path.partition("#")[0]


def _nearest(path: str) -> str:
    """A path that says the same: with a slash before it, and everything else as %C3%A9."""
    return quote("/" + percent(path.lstrip("/"), safe="/?&=%:@!$'()*+,;~-._"))


def expect_no_configuration(app: str) -> None:
    """Raises UsageError for a file that is no Python: --config was forgotten."""
    file = Path(app).expanduser()
    is_module = file.suffix == ".py" or any(
        Path(f"{each}.py").is_file() for each in (file, app.replace(".", "/"))
    )
    if not is_module and (file.is_file() or file.suffix == ".conf"):
        raise UsageError(
            "app-invalid",
            f"{app!r} is no Python: did you mean --config?",
            fixes=(f"labctl proxy --config {quote(app)}",),
        )


def expect_sensible(
    internet: Internet,
    app: str | None,
    with_: With | None,
    show: str | None,
    config: str | None,
    path: list[str] | None,
    host: str | None,
    python: str | None,
    hops: int | None,
) -> None:
    """Raises UsageError for options of which one would be silently ignored."""
    fault = internet.fault
    real = with_ not in (None, "embedded")
    # As they were typed, or what stands for them.
    file, own = quote(config or "FILE"), quote(app or "MODULE:APP")
    wanted = f" --path {_nearest(path[0])}" if path else ""
    for given, option, other, instead in (
        (
            host and not config,
            "--host",
            "a run without --config FILE",
            f"labctl proxy --config {file} --host {quote(host or '')}",
        ),
        (
            python and not app,
            "--python",
            "a run without MODULE:APP",
            f"labctl proxy {own} --python {quote(python or '')}",
        ),
        (
            hops is not None and not app,
            "--hops",
            "a run without MODULE:APP",
            f"labctl proxy {own} --hops {hops}",
        ),
        (app and show, f"--show {show}", "an app of your own", f"labctl proxy {own}"),
        (app and config, "--config", "an app of your own", f"labctl proxy --config {file}"),
        (app and fault, f"--break {fault}", "an app of your own", f"labctl proxy {own}"),
        (
            app and path and len(path) > 1,
            "a second --path",
            "an app of your own: it is asked for one",
            f"labctl proxy {own}{wanted}",
        ),
        (
            path and not (config or app),
            "--path",
            "a run without MODULE:APP or --config FILE",
            f"labctl proxy --config {file}{wanted}",
        ),
        (
            config and show,
            f"--show {show}",
            "--config: a file is read, nothing is run",
            f"labctl proxy --show {show}",
        ),
        (
            config and fault,
            f"--break {fault}",
            "--config: a fault changes the sandbox, and a file is not in it",
            f"labctl proxy --config {file}",
        ),
        (
            config and with_ == "embedded",
            "--with embedded",
            "--config: a file is nginx's or Apache's",
            f"labctl proxy --config {file} --with nginx",
        ),
        (
            real and show in _WITHOUT_PROXY,
            f"--with {with_}",
            f"--show {show}: no proxy takes part in it",
            f"labctl proxy --show {show}",
        ),
        (
            real and fault and fault.startswith(_OF_THE_PROXY),
            f"--break {fault}",
            f"--with {with_}: the fault is in labctl's own proxy",
            f"labctl proxy{f' --show {show}' if show else ''} --break {fault}",
        ),
    ):
        if given:
            raise UsageError(
                "options-contradict", f"{option} makes no sense together with {other}", fixes=(instead,)
            )
