"""What to type next, and how to see the same by hand."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event
from labs.by_hand import of_python
from labs.telling import command

_ORDER = (
    "short-circuit",
    "not-found",
    "errors",
    "teardown",
    "streaming",
    "contexts",
    "concurrent",
    "threads",
    "session",
    "args",
)
_SAYS = {
    "short-circuit": "a hook that answers itself",
    "not-found": "which hooks a wrong URL meets",
    "errors": "an exception in each place",
    "teardown": "what the first byte waits for",
    "streaming": "a body that is made later",
    "contexts": "how long g lives",
    "concurrent": "requests that do not see each other",
    "threads": "a thread of your own",
    "session": "read, forge, replay, mint",
    "args": "text or number",
}
_BY_HAND = {
    "session": "python3 -c \"import base64; print(base64.urlsafe_b64decode('eyJ1c2VyIjoiYW5hIn0='))\"",
    "teardown": "curl -so /dev/null -w '%{time_starttransfer} %{time_total}\\n' http://127.0.0.1:5000/",
}


def footer(show: str) -> Iterator[Event]:
    """The last lines of a demonstration."""
    usual = f"{of_python('flask')} --app yourmodule run   # then curl -i http://127.0.0.1:5000/"
    yield command("by hand", _BY_HAND.get(show, usual))
    yield command("yours", "labctl flask yourmodule:app GET /")
    following = _ORDER[(_ORDER.index(show) + 1) % len(_ORDER)]
    yield command("next", f"labctl flask --show {following}", _SAYS[following])
