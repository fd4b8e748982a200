"""The way of a request through Apache: host, path, modules in the order of their hooks, access, and who answers."""

from __future__ import annotations

from urllib.parse import urlsplit

from labctl.protocols.apache_doubts import doubt_unread
from labctl.protocols.apache_files import serve_file
from labctl.protocols.apache_forwarding import forwarded
from labctl.protocols.apache_grammar import Directive
from labctl.protocols.apache_hosts import ChosenHost, choose_host
from labctl.protocols.apache_rewriting import Rewritten, rewrite
from labctl.protocols.apache_scopes import Configuration, Section
from labctl.protocols.apache_state import State
from labctl.protocols.apache_translating import Mapped, aliased, proxied, redirected
from labctl.protocols.apache_uri import Target, for_backend, for_location, read_target
from labctl.protocols.proxy_answers import Answer, Kind, Look, Place, Reason, Request

_HTTP = ("http", "https", "balancer", "ws", "wss", "h2", "h2c")


def answer(configuration: Configuration, request: Request, look: Look) -> Answer:
    """Who answers this request, and why. Raises ConfigError for a pattern that is none."""
    chosen = choose_host(configuration, request)
    target = read_target(
        request.path,
        merge_slashes=configuration.value(chosen.host, "mergeslashes", "on").lower() != "off",
        encoded_slashes=configuration.value(chosen.host, "allowencodedslashes", "off").lower(),
    )
    if isinstance(target, int):
        why = (
            "%2F is refused unless AllowEncodedSlashes says otherwise"
            if target == 404
            else "that is no path under the root"
        )
        text = f"Apache answers {target} to {request.path}: {why}."
        return Answer(
            "status", status=target, server=chosen.host.words, reasons=(*chosen.reasons, Reason(text))
        )
    state = State(configuration, chosen, request, target, look)
    if target.uri != request.path.partition("?")[0]:
        state.say(
            f"Apache reads the path as {target.uri}: it decodes, merges slashes and resolves dots first."
        )
    state.set_environment()
    doubt_unread(state)
    return _translated(state)


def _translated(state: State) -> Answer:
    rewritten = rewrite(state)
    if rewritten.kind in ("redirect", "status", "proxy", "file"):
        return _rewritten(state, rewritten)
    passed = proxied(state)
    if passed is not None and passed.url:
        if moved := _moved_in_section(state):
            return moved
        return _proxied(state, passed.url, passed.words, passed.place, passed.written)
    mapped = aliased(state)
    return _mapped(state, mapped)


def _rewritten(state: State, rewritten: Rewritten) -> Answer:
    words, place = rewritten.words, rewritten.place
    if rewritten.kind == "proxy":
        state.say(
            "Its flag [P] gives the path to mod_proxy at once: no ProxyPass and no Alias is asked.", place
        )
        return _proxied(state, rewritten.to, words, place)
    if rewritten.kind == "redirect":
        return _answer(state, "redirect", _absolute(state, rewritten.to), rewritten.status, words, place)
    if rewritten.kind == "status":
        state.say(f"{words} answers {rewritten.status}.", place)
        return _answer(state, "status", "", rewritten.status, words, place)
    # A path of the disk when its first folder is there, else one under the document root.
    first = "/" + rewritten.to.lstrip("/").partition("/")[0]
    path = rewritten.to if state.on_disk(first) else state.document_root().rstrip("/") + rewritten.to
    state.say("Without [PT] a rewritten path is a file: ProxyPass and Alias are not asked any more.", place)
    return _mapped(state, Mapped("file", path, words, place))


def _moved_in_section(state: State) -> Answer | None:
    """A Redirect in a <Location> acts late, and so before the backend is asked."""
    for section, _ in state.locations():
        for each in section.own("redirect", "redirectmatch", "redirectpermanent", "redirecttemp"):
            whole = each
            if len([word for word in each.arguments if "/" in word]) < 2:
                status = [word for word in each.arguments if "/" not in word]
                to = [word for word in each.arguments if "/" in word]
                whole = Directive(each.name, (*status, section.path, *to), each.place)
            if found := redirected(state, whole, whole=whole is not each):
                return _mapped(state, found)
    return None


def _mapped(state: State, mapped: Mapped) -> Answer:
    if mapped.kind == "redirect":
        return _answer(
            state, "redirect", _absolute(state, mapped.to), mapped.status, mapped.words, mapped.place
        )
    if mapped.kind == "status":
        return _answer(state, "status", "", mapped.status, mapped.words, mapped.place)
    if refused := _refused(state, state.folders(mapped.to)):
        state.say(f"{refused} holds for {mapped.to} and refuses everybody.", refused.place)
        return _answer(state, "status", "", 403, mapped.words, mapped.place)
    if mapped.kind == "wsgi":
        return _answer(state, "unknown", f"mod_wsgi, with {mapped.to},", 0, mapped.words, mapped.place)
    if mapped.kind == "program":
        return _answer(state, "unknown", f"the program {mapped.to}", 0, mapped.words, mapped.place)
    served = serve_file(state, mapped.to, lambda name: _index(state, name))
    if served.answer is not None:
        return served.answer
    if served.kind == "redirect":
        query = f"?{state.arguments}" if state.arguments else ""
        to = _absolute(state, for_location(state.uri) + "/" + query)
        return _answer(state, "redirect", to, 301, mapped.words, mapped.place)
    return _answer(state, served.kind, served.to, served.status, mapped.words, mapped.place)


def _index(state: State, name: str) -> Answer | None:
    """What an index file of the path is, asked as a request of its own: None when nothing is there."""
    target = Target(state.uri + name, state.arguments, for_location(state.uri + name))
    chosen = ChosenHost(state.host, (), False)
    inner = State(state.configuration, chosen, state.request, target, state.on_disk)
    inner.environment, inner.doubts = dict(state.environment), state.doubts
    found = _translated(inner)
    if found.kind not in ("file", "proxy"):
        return None
    text = f"The path is a folder, and {name} is its index: {target.uri} is asked for inside."
    return found._replace(reasons=(*state.reasons, Reason(text), *found.reasons))


def _refused(state: State, sections: list[Section]) -> Directive | None:
    """The `Require` that refuses everybody, if the last one that holds does."""
    rules = [each for section in sections for each in section.own("require")]
    rules += [each for section, _ in state.locations() for each in section.own("require")]
    if not rules:
        return None
    words = [word.lower() for word in rules[-1].arguments]
    if words[:2] == ["all", "denied"]:
        return rules[-1]
    if words[:2] != ["all", "granted"]:
        state.doubt(
            f"{rules[-1]} at {rules[-1].place} decides who may come in; the visitor is taken as allowed."
        )
    return None


def _proxied(state: State, url: str, words: str, place: Place | None, written: int = 0) -> Answer:
    proxies = [each for each in state.host.proxies if each.path == "*"]
    if refused := _refused(state, proxies):
        state.say(f"{refused} refuses everybody.", refused.place)
        return _answer(state, "status", "", 403, words, place)
    scheme, mark, rest = url.partition("://")
    if "|" not in url and (not mark or scheme.lower() not in _HTTP):
        state.say(f"{url} is no URL of HTTP; that protocol is not followed here.", place)
        return _answer(state, "unknown", url, 0, words, place)
    query = f"?{state.arguments}" if state.arguments else ""
    if "|" in url:
        # unix:/run/app.sock|http://name/path
        socket, _, behind = url.partition("|")
        scheme, _, rest = behind.partition("://")
        name, _, path = rest.partition("/")
        to = f"{socket}|{scheme}://{name}/{for_backend(path)}{query}"
        return _to_backend(state, to, (socket,), forwarded(state, name), words, place)
    host, slash, path = rest.partition("/")
    if written:
        path = (
            for_backend(path[: max(0, len(path) - written)]) + path[-min(written, len(path)) :]
            if path
            else ""
        )
    else:
        keeps = state.configuration.value(state.host, "allowencodedslashes", "off").lower() == "nodecode"
        path = for_backend(path, encoded_slashes=keeps)
    members: tuple[str, ...] = (host,)
    backend = host
    if scheme.lower() == "balancer":
        members = tuple(each.partition("://")[2].rstrip("/") for each in state.configuration.members(host))
        state.say(f"balancer://{host} has {len(members)} members: {', '.join(members) or 'none'}.")
        first = next(iter(state.configuration.members(host)), "")
        split = urlsplit(first)
        backend = split.netloc
        to = f"{first.rstrip('/')}/{path}{query}" if first else f"balancer://{host}/{path}{query}"
    else:
        to = f"{scheme}://{host}/{path}{query}"
    if not slash and scheme.lower() != "balancer":
        path = ""
    return _to_backend(state, to, members, forwarded(state, backend), words, place)


def _to_backend(
    state: State,
    to: str,
    members: tuple[str, ...],
    sent: tuple[tuple[str, str], ...],
    words: str,
    place: Place | None,
) -> Answer:
    return _answer(state, "proxy", to, 0, words, place)._replace(
        backends=members, sent=sent, doubts=tuple(state.doubts)
    )


def _absolute(state: State, location: str) -> str:
    if not location.startswith("/"):
        return location
    return f"{state.request.scheme}://{state.request.host_field}{location}"


def _answer(state: State, kind: Kind, to: str, status: int, words: str, place: Place | None) -> Answer:
    for each in state.both("errordocument") if kind == "status" else ():
        if each.first == str(status) and each.arguments[-1].startswith("/"):
            state.doubt(f"{each} at {each.place} then asks for another path, which is not followed here.")
    return Answer(
        kind,
        to,
        status,
        state.host.words,
        state.host.place,
        words,
        place,
        reasons=tuple(state.reasons),
        doubts=tuple(state.doubts),
    )
