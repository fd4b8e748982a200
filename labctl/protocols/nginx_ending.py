"""How a request ends in nginx: the answer, an error of nginx's own, or another round of looking for a location."""

from __future__ import annotations

from labctl.protocols.nginx_rewriting import is_redirect
from labctl.protocols.nginx_scopes import Location
from labctl.protocols.nginx_state import State
from labctl.protocols.proxy_answers import Answer, Kind


class Again(Exception):
    """Seek a location anew for the path that the state has now, or go to the location `named`."""

    def __init__(self, named: str = "", *, server_rules: bool = True) -> None:
        super().__init__(named)
        self.named = named
        self.server_rules = server_rules


def error_answer(state: State, status: int, words: str = "") -> Answer:
    """An error of nginx's own, or what error_page makes of it."""
    for each in state.scope.holding("error_page"):
        *codes, to = each.arguments
        change = next((code for code in codes if code.startswith("=")), None)
        if str(status) not in codes or (
            state.error_status and state.scope.value("recursive_error_pages", "off") != "on"
        ):
            continue
        state.say(f"{status} would be answered, and error_page sends it to {to}.", each.place)
        if to.startswith(("http://", "https://")):
            moved = int(change[1:]) if change and change[1:].isdigit() else 302
            return answered(state, "redirect", state.expand(to), status=moved if is_redirect(moved) else 302)
        state.error_status = status
        state.overwritten = None if change == "=" else int(change[1:]) if change else status
        state.internal = True
        if to.startswith("@"):
            raise Again(to[1:])
        state.as_sent = False
        state.method = "GET"
        state.uri, mark, query = state.expand(to).partition("?")
        state.arguments = query if mark else ""
        raise Again
    return answered(state, "status", status=status, words=words)


def absolute(state: State, location: str) -> str:
    """A Location that begins with a slash gets scheme, host and port, as nginx does unless absolute_redirect is off."""
    if not location.startswith("/") or state.scope.value("absolute_redirect", "on") == "off":
        return location
    request = state.request
    usual = {"http": 80, "https": 443}[request.scheme]
    port = "" if request.arrives_at == usual else f":{request.arrives_at}"
    if state.scope.value("port_in_redirect", "on") == "off":
        port = ""
    host = request.host.lower()
    if state.scope.value("server_name_in_redirect", "off") == "on":
        host = next(iter(state.server.names), host)
    return f"{request.scheme}://{host}{port}{location}"


def answered(state: State, kind: Kind, to: str = "", *, status: int = 0, words: str = "") -> Answer:
    """The answer, with all that was said on the way."""
    location = state.location
    if state.overwritten and kind in ("file", "status"):
        status = state.overwritten
    rule = location.words if isinstance(location, Location) else words
    return Answer(
        kind,
        to,
        status,
        state.server.words,
        state.server.place,
        rule,
        location.place if location is not None else None,
        reasons=tuple(state.reasons),
        doubts=tuple(state.doubts),
    )
