"""What nginx would refuse to start with: a mistyped directive, a wrong number of arguments, a block that is none."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.protocols.nginx_directives import FORMS, KNOWN
from labctl.protocols.nginx_grammar import Directive
from labctl.protocols.proxy_answers import ConfigError
from labctl.protocols.proxy_arguments import meant

# Beginnings of the names in well known modules that are not nginx's own.
_OF_MODULES = (
    *("more_", "brotli", "zstd", "lua_", "vhost_traffic_status", "modsecurity", "passenger_", "pagespeed"),
    *("rtmp", "nchan_", "push_stream", "echo", "set_", "memc_", "redis", "srcache_", "geoip2", "upload_"),
    *(
        "fancyindex",
        "subs_filter",
        "vod",
        "testcookie",
        "cookie_flag",
        "auth_ldap",
        "auth_pam",
        "auth_spnego",
    ),
    *("auth_digest", "js_", "perl_", "shib_", "opentracing", "opentelemetry", "datadog_", "otel_", "acme_"),
    *("security_headers", "sysguard", "check", "dyups", "concat", "encrypted_session", "wasm", "app_protect"),
)
# Blocks whose lines are values, and those of other protocols.
_OPAQUE = ("types", "map", "geo", "split_clients", "charset_map", "match", "stream", "mail", "rtmp")
_LISTEN = (
    *("default_server", "default", "ssl", "http2", "quic", "spdy", "proxy_protocol", "deferred", "bind"),
    *("reuseport", "multipath"),
)
_LISTEN_VALUES = (
    *(
        "setfib=",
        "fastopen=",
        "backlog=",
        "rcvbuf=",
        "sndbuf=",
        "accept_filter=",
        "ipv6only=",
        "so_keepalive=",
    ),
)


def is_of_a_module(name: str) -> bool:
    """Whether a directive belongs to a well known module that is not nginx's own."""
    return name.startswith(_OF_MODULES) or "_by_lua" in name


def refuse(directives: Sequence[Directive]) -> None:
    """Raises ConfigError for the first line that nginx would not take. What nobody here knows is let through."""
    for each in directives:
        if "_by_lua" in each.name:
            continue
        if each.name not in KNOWN:
            if near := meant(each.name, KNOWN):
                raise ConfigError(f"nginx knows no directive {each.name}; was {near} meant?", each.place)
            continue
        if sentence := _wrong(each):
            raise ConfigError(sentence, each.place)
        if each.block is not None and each.name not in _OPAQUE:
            refuse(each.block)


def _wrong(each: Directive) -> str:
    form = FORMS.get(each.name)
    if form is not None:
        if form.block and each.block is None:
            return f"{each.name} has no block in {{ }} behind it"
        if not form.block and each.block is not None:
            return f"{each.name} has no ; at its end, and takes no block"
        if sentence := form.wrong(each.name, each.arguments):
            return sentence
    if each.name == "listen":
        for option in each.arguments[1:]:
            if option not in _LISTEN and not option.startswith(_LISTEN_VALUES) and "$" not in option:
                return f"listen has no option {option[:40]!r}"
    return ""
