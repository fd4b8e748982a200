"""The way of a request through nginx: server, rewrites, location, access, try_files, and who answers in the end."""

from __future__ import annotations

from labctl.protocols.nginx_ending import Again, absolute, answered, error_answer
from labctl.protocols.nginx_files import serve_file
from labctl.protocols.nginx_forwarding import forwarded, host_header, passed_uri, read_proxy_pass
from labctl.protocols.nginx_grammar import Directive
from labctl.protocols.nginx_locations import Found, find_location
from labctl.protocols.nginx_names import choose_server
from labctl.protocols.nginx_rewriting import Ended, is_redirect, rewrite
from labctl.protocols.nginx_scopes import HANDLERS, Configuration
from labctl.protocols.nginx_state import State
from labctl.protocols.nginx_uri import escape, read_target
from labctl.protocols.nginx_words import MATTERS
from labctl.protocols.proxy_answers import Answer, Look, Reason, Request


def answer(configuration: Configuration, request: Request, look: Look) -> Answer:
    """Who answers this request, and why. Raises ConfigError for a pattern that is none."""
    chosen = choose_server(configuration, request)
    if chosen is None:
        text = f"No server listens on port {request.arrives_at}: nobody answers there."
        return Answer("unknown", reasons=(Reason(text),))
    merge = chosen.server.value("merge_slashes", "on") != "off"
    target = read_target(request.path, merge_slashes=merge)
    if target is None:
        text = f"nginx does not take {request.path}: a path begins with /, stays under the root, and % has two digits."
        return Answer(
            "status", status=400, server=chosen.server.words, reasons=(*chosen.reasons, Reason(text))
        )
    state = State(configuration, chosen, request, target, look)
    if target.uri != request.path.partition("?")[0]:
        state.say(
            f"nginx reads the path as {target.uri}: it decodes, merges slashes and resolves dots first."
        )
    again = Again()
    while True:
        state.changes -= 1
        if state.changes <= 0:
            state.say("The path was changed more than 10 times: nginx gives up.")
            return answered(state, "status", status=500)
        try:
            return _once(state, again)
        except Again as more:
            again = more


def _once(state: State, again: Again) -> Answer:
    state.scope, state.location, state.in_location = state.server, None, True
    if again.named:
        found = _named(state, again.named)
        if found is None:
            state.say(f"There is no location @{again.named}: nginx answers 500.")
            return answered(state, "status", status=500)
        state.enter(found)
    else:
        if again.server_rules and (done := _server_rules(state)):
            return done
        state.enter(find_location(state.server, state.uri))
        if done := _entered(state):
            return done
    return _in_location(state)


def _server_rules(state: State) -> Answer | None:
    outcome = rewrite(state.server, state)
    state.scope = state.server
    return _ended(state, outcome.ended) if outcome.ended else None


def _entered(state: State) -> Answer | None:
    """What finding a location comes to when it is more than finding it."""
    location = state.location
    if location is None:
        return None
    if location.own("internal") and not state.internal:
        state.say(
            "The location is internal, and a visitor asks from outside: nginx answers 404.", location.place
        )
        return error_answer(state, 404)
    last = state.reasons[-1]
    if location.redirects_without_slash and location.name == state.uri + "/" and last.place == location.place:
        query = f"?{state.arguments}" if state.arguments else ""
        return answered(state, "redirect", absolute(state, escape(location.name) + query), status=301)
    return None


def _named(state: State, name: str) -> Found | None:
    for location in state.server.locations:
        if location.modifier == "@" and location.name == name:
            return Found(location, (Reason(f"location @{name} goes on with it.", location.place),))
    return None


def _in_location(state: State) -> Answer:
    if state.location is not None:
        outcome = rewrite(state.location, state)
        if outcome.ended:
            return _ended(state, outcome.ended)
        if outcome.changed:
            raise Again(server_rules=False)
    _doubts(state)
    if denied := _denied(state):
        state.say(f"{denied} refuses everybody.", denied.place)
        return error_answer(state, 403, words=str(denied))
    tried = [] if state.scope.kind == "if" else state.scope.own("try_files")
    if tried and (done := _try_files(state, tried[0])):
        return done
    return _content(state)


def _doubts(state: State) -> None:
    for scope in state.scope.chain():
        for each in scope.directives:
            if each.name in MATTERS and each.name not in HANDLERS:
                state.doubt(f"{each.name} at {each.place} is not followed here: it {MATTERS[each.name]}.")
            elif each.name == "include":
                state.doubt(f"{each} at {each.place}: the file is not here, and what it says is not known.")


def _denied(state: State) -> Directive | None:
    rules = state.scope.holding("allow", "deny")
    if not rules:
        return None
    if rules[0].first == "all":
        return rules[0] if rules[0].name == "deny" else None
    state.doubt(
        f"allow and deny at {rules[0].place} decide by the visitor's address; he is taken as allowed."
    )
    return None


def _try_files(state: State, each: Directive) -> Answer | None:
    *candidates, last = each.arguments
    # What comes of it when nothing is there: a status, or 500 for a path that leads here again and again.
    round_again = state.expand(last).partition("?")[0] == state.uri
    ending = last[1:] if last.startswith("=") else "500" if round_again else ""
    for candidate in candidates:
        # A folder is looked for where the word itself ends with a slash, and the path that goes on has none.
        wants_folder = candidate.endswith("/")
        name = state.expand(candidate.removesuffix("/") if wants_folder else candidate)
        prefix = state.location.name if state.location is not None and state.location.pattern is None else ""
        path = state.file(name) if not state.alias() else state.root() + name.removeprefix(prefix)
        there = state.on_disk(path.rstrip("/") or "/")
        if there is None and ending and wants_folder == name.endswith("/"):
            # Nobody writes such a rule for files that are not there.
            state.doubt(
                f"Whether {path} is there is not known on this machine. If not, nginx answers {ending}."
            )
            state.say(f"try_files gives {path}, which is taken as there.", each.place)
            state.uri = name if not state.alias() else prefix + name.removeprefix(prefix)
            return None
        if there is None and not wants_folder and name.endswith("/"):
            continue
        if there is None:
            state.doubt(
                f"try_files at {each.place}: whether {path} is there is not known here. If it is, it answers."
            )
            continue
        if there == ("folder" if wants_folder else "file"):
            state.say(f"try_files finds {path}.", each.place)
            state.uri = name if not state.alias() else prefix + name.removeprefix(prefix)
            return None
        state.say(f"try_files looks for {path}: not there.", each.place)
    state.say(f"try_files goes to its last word, {last}.", each.place)
    if last.startswith("="):
        return error_answer(state, int(last[1:]) if last[1:].isdigit() else 404, words=str(each))
    to = state.expand(last)
    if to.startswith("@"):
        state.internal = True
        raise Again(to[1:])
    state.uri, mark, query = to.partition("?")
    state.arguments = query if mark else ""
    state.internal, state.as_sent = True, False
    raise Again


def _content(state: State) -> Answer:
    scope = state.scope
    for name in HANDLERS:
        handlers = scope.own(name)
        if not handlers and scope.kind == "if" and scope.outer is not None:
            # An `if` takes over who answers from its location.
            handlers = scope.outer.own(name)
        if handlers:
            return _proxied(state, handlers[-1]) if name == "proxy_pass" else _gateway(state, handlers[-1])
    served = serve_file(state)
    if served.again:
        state.uri = served.again
        state.internal, state.as_sent = True, False
        raise Again
    if served.kind == "status":
        return error_answer(state, served.status)
    if served.kind == "redirect":
        return answered(state, "redirect", absolute(state, served.to), status=served.status)
    return answered(state, "file", served.to, status=served.status)


def _gateway(state: State, each: Directive) -> Answer:
    state.say(f"{each.name} {each.first} answers; that protocol is not followed here.", each.place)
    return answered(state, "unknown", each.first)


def _proxied(state: State, each: Directive) -> Answer:
    missing = len(state.missing)
    passed = read_proxy_pass(state.expand(each.first))._replace(variable=read_proxy_pass(each.first).variable)
    if len(state.missing) > missing:
        names = ", ".join(f"${name}" for name in state.missing[missing:])
        state.doubt(f"proxy_pass at {each.place}: {names} is not known here.")
    if not passed.host.partition(":")[0]:
        state.say(
            f"{each} comes to {passed.scheme}://{passed.host}, without a host: nginx answers 500.", each.place
        )
        return error_answer(state, 500, words=str(each))
    state.proxy_host = host_header(passed)
    uri, why = passed_uri(state, passed)
    if not uri or uri.startswith("?"):
        uri = f"/{uri}"
    state.say(f"{why}: {uri}.", each.place)
    sent = forwarded(state, passed)
    upstream = state.configuration.upstreams.get(passed.host)
    if upstream is not None:
        state.say(
            f"{passed.host} is the upstream at {upstream.place}: {', '.join(upstream.members) or 'no servers'} "
            f"({upstream.method}).",
            upstream.place,
        )
    between = ":" if passed.host.startswith("unix:") else ""
    backends = upstream.members if upstream is not None else (passed.host,)
    return answered(state, "proxy", f"{passed.scheme}://{passed.host}{between}{uri}")._replace(
        sent=sent, backends=backends, doubts=tuple(state.doubts)
    )


def _ended(state: State, ended: Ended) -> Answer:
    state.say(f"{ended.words} answers.", ended.place)
    if ended.status == 444:
        return answered(state, "gone", status=444, words=ended.words)
    if is_redirect(ended.status):
        return answered(state, "redirect", absolute(state, ended.text), status=ended.status)
    if ended.text or ended.status < 300:
        return answered(state, "status", ended.text, status=ended.status)
    return error_answer(state, ended.status)
