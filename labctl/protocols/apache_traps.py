"""Finds the traps of an Apache configuration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from labctl.protocols import apache_trap_words as traps
from labctl.protocols.apache_answering import answer
from labctl.protocols.apache_forwarding import holding
from labctl.protocols.apache_grammar import Directive
from labctl.protocols.apache_hosts import ChosenHost
from labctl.protocols.apache_scopes import Configuration, Host
from labctl.protocols.apache_state import State
from labctl.protocols.apache_uri import Target
from labctl.protocols.proxy_answers import Answer, OnDisk, Place, Request
from labctl.protocols.proxy_traps import SOCKETS, Caught, by_weight

# Among so many lines of one kind is looked for such as take one another's paths.
MOST_LINES = 500


def apache_traps(configuration: Configuration) -> list[Caught]:
    """All traps, each at most once a place, the dangerous ones first."""
    return by_weight(_all(configuration))


def _all(configuration: Configuration) -> Iterator[Caught]:
    hosts = configuration.hosts or [configuration.main]
    for each in configuration.both(configuration.main, "proxyrequests"):
        if each.first.lower() == "on":
            yield Caught(traps.OPEN_PROXY, each.place, str(each))
    yield from _of_hosts(configuration)
    for host in hosts:
        if host is not configuration.main:
            for each in host.own("proxyrequests"):
                if each.first.lower() == "on":
                    yield Caught(traps.OPEN_PROXY, each.place, str(each))
        yield from _swallowed(configuration, host)
        yield from _order(configuration, host)
        yield from _slashes(configuration, host)
        yield from _rewrites(configuration, host)
        yield from _fields(configuration, host)


def _of_hosts(configuration: Configuration) -> Iterator[Caught]:
    ports: dict[int, list[Host]] = {}
    for host in configuration.hosts:
        for _, port in host.addresses:
            ports.setdefault(port, []).append(host)
    for host in configuration.hosts:
        # The first of a port answers for every name, and often is meant to.
        first = any(ports[port][0] is host for _, port in host.addresses)
        if not host.name and not host.aliases and not first and not _not_here(configuration, host):
            yield Caught(traps.NAME_MISSING, host.place, host.words)
    for port, hosts in ports.items():
        if len(hosts) > 1:
            yield Caught(traps.FIRST_HOST, hosts[0].place, f"port {port or '*'}: {len(hosts)} VirtualHosts")
    for host in (configuration.main, *configuration.hosts):
        for each in host.own("setenvif", "setenvifnocase"):
            if each.first.lower() == "request_uri" and "no-proxy" in each.arguments[2:]:
                yield Caught(traps.ENV_AS_SENT, each.place, str(each))
    rules = configuration.main.own("rewriterule")
    if rules and configuration.hosts:
        yield Caught(traps.REWRITE_NOT_INHERITED, rules[0].place, str(rules[0]))


def _not_here(configuration: Configuration, host: Host) -> bool:
    """Whether a file is included that nobody has seen: what it sets is not missing."""
    sections = [*host.locations, *configuration.main.locations]
    return bool(
        configuration.both(host, "include") or [one for section in sections for one in section.own("include")]
    )


def _asked(configuration: Configuration, host: Host, path: str) -> Answer:
    """Who takes a path of a host, as if every file were there."""

    def look(name: str) -> OnDisk:
        return "file" if not name.endswith("/") else "folder"

    port = next((port for _, port in host.addresses if port), 80)
    return answer(configuration, Request(path, host.name or "localhost", "http", port=port), look)


def _below(path: str) -> str:
    return path.rstrip("/") + "/labctl-probe"


def _swallowed(configuration: Configuration, host: Host) -> Iterator[Caught]:
    for each in configuration.both(host, "alias", "scriptalias")[:MOST_LINES]:
        if len(each.arguments) < 2:
            continue
        took = _asked(configuration, host, _below(each.first))
        if took.kind == "proxy" and took.rule_at is not None:
            here = f"ProxyPass {each.first} !   before the other ProxyPass"
            yield Caught(traps.CATCH_ALL, each.place, f"{each}; {took.rule} at {took.rule_at}", here)
        elif took.status == 403 and took.rule_at == each.place:
            here = f"<Directory {each.arguments[1]}> with Require all granted."
            yield Caught(traps.ALIAS_REFUSED, each.place, str(each), here)
    for each in configuration.both(host, "redirect", "redirectpermanent", "redirecttemp"):
        path = next((word for word in each.arguments if word.startswith("/")), "")
        if not path or any(each is one for one in host.own("redirectmatch")):
            continue
        took = _asked(configuration, host, path)
        if took.kind == "proxy" and took.rule_at is not None:
            yield Caught(traps.REDIRECT_SWALLOWED, each.place, f"{each}; {took.rule} at {took.rule_at}")


def _order(configuration: Configuration, host: Host) -> Iterator[Caught]:
    from labctl.protocols.apache_scopes import matched

    lines = configuration.both(host, "proxypass")[:MOST_LINES]
    for number, each in enumerate(lines):
        path = _below(each.first)
        earlier = next((one for one in lines[:number] if matched(one.first, path)), None)
        if earlier is not None:
            exempt = len(each.arguments) > 1 and each.arguments[1] == "!"
            trap = traps.EXCEPTION_LATE if exempt else traps.PASS_LATE
            yield Caught(trap, each.place, f"{each}; {earlier} at {earlier.place} comes first")
    sections = [
        (section, one)
        for section in host.locations
        if section.pattern is None
        for one in section.own("proxypass")
    ]
    for number, (section, one) in enumerate(sections):
        later = next(
            (other for other, _ in sections[number + 1 :] if other.holds(_below(section.path))), None
        )
        if later is not None and later.path != section.path:
            yield Caught(
                traps.SECTION_OVERRULED, one.place, f"{section.directive}; {later.directive} at {later.place}"
            )


def passes(configuration: Configuration, host: Host) -> Iterator[tuple[str, str, Directive]]:
    """Path, URL and line of each ProxyPass of a host that passes on."""
    for each in configuration.both(host, "proxypass"):
        if len(each.arguments) > 1 and each.arguments[1] != "!":
            yield each.arguments[0], each.arguments[1], each
    for section in host.locations:
        if section.pattern is None:
            for each in section.own("proxypass"):
                if each.first != "!":
                    yield section.path, each.first, each


def _slashes(configuration: Configuration, host: Host) -> Iterator[Caught]:
    for path, url, each in passes(configuration, host):
        behind = url.partition("|")[2] or url
        if path.endswith("/") != behind.endswith("/"):
            yield Caught(traps.PASS_UNEVEN, each.place, str(each))
    for each in configuration.both(host, "alias"):
        if len(each.arguments) > 1 and each.first.endswith("/") and not each.arguments[1].endswith("/"):
            yield Caught(traps.ALIAS_UNEVEN, each.place, str(each))


def _rewrites(configuration: Configuration, host: Host) -> Iterator[Caught]:
    rules = host.own("rewriterule")
    if rules and configuration.value(host, "rewriteengine", "off").lower() != "on":
        yield Caught(traps.REWRITE_OFF, rules[0].place, str(rules[0]))
        return
    passes = configuration.both(host, "proxypass", "proxypassmatch", "alias")
    for each in rules:
        target = each.arguments[1] if len(each.arguments) > 1 else "-"
        flags = {
            flag.strip().partition("=")[0].lower()
            for flag in (each.arguments[2:3] or ("",))[0].strip("[]").split(",")
        }
        through = {"pt", "passthrough", "p", "proxy", "r", "redirect", "f", "g", "forbidden", "gone"} & flags
        if target.startswith("/") and not through and passes:
            yield Caught(traps.REWRITE_TO_FILE, each.place, str(each))


def _fields(configuration: Configuration, host: Host) -> Iterator[Caught]:
    reverse = configuration.both(host, "proxypassreverse")
    reverse += [one for section in host.locations for one in section.own("proxypassreverse")]
    reversed_to = tuple(url.rstrip("/") for one in reverse for url in one.arguments if "://" in url)
    known = not _not_here(configuration, host)
    seen = False
    for path, url, each in islice(passes(configuration, host), MOST_LINES):
        state = _state(configuration, host, path)
        if not seen:
            yield Caught(traps.STREAMS_BOTH_WAYS, each.place, str(each))
            seen = True
        # A line for / turns back the redirects of all that lies under its URL, and none comes from a WebSocket.
        backends = _backends(configuration, url)
        if known and backends and not any(each.startswith(reversed_to) for each in backends):
            here = f"ProxyPassReverse {path} {url}"
            yield Caught(traps.REVERSE_MISSING, each.place, str(each), here)
        kept = holding(state, "proxypreservehost")
        if kept[-1].first.lower() != "on" if kept else known:
            yield Caught(traps.HOST_NOT_KEPT, each.place, str(each))
        proto = [one for one in holding(state, "requestheader") if "x-forwarded-proto" in str(one).lower()]
        if not proto and known:
            yield Caught(traps.PROTO_NOT_SET, each.place, str(each))
        for one in proto:
            if "%{REQUEST_SCHEME}e" in str(one):
                yield Caught(traps.PROTO_NULL, one.place, str(one))
        upgrades = url.startswith(("ws:", "wss:")) or any(
            word.startswith("upgrade=") for word in each.arguments
        )
        if SOCKETS.search(path) and not upgrades:
            yield Caught(traps.WEBSOCKET_HTTP, each.place, str(each), f"{each} upgrade=websocket")


def _backends(configuration: Configuration, url: str) -> list[str]:
    """The URLs that a backend may name in a redirect: those of a balancer's members too; none for a WebSocket."""
    plain = url.partition("|")[2] or url
    if plain.startswith(("ws:", "wss:")):
        return []
    if not plain.startswith("balancer://"):
        return [plain.rstrip("/")]
    name, _, path = plain.removeprefix("balancer://").partition("/")
    members = [member.rstrip("/") + f"/{path}".rstrip("/") for member in configuration.members(name)]
    return [plain.rstrip("/"), *members]


def _state(configuration: Configuration, host: Host, path: str) -> State:
    below = _below(path)
    chosen = ChosenHost(host, (), False)
    request = Request(below, host.name or "localhost")
    return State(configuration, chosen, request, Target(below, "", below), lambda _: None)


__all__ = ["Place", "apache_traps"]
