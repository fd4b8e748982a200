"""The traps of Apache's configurations, in words."""

from __future__ import annotations

from labctl.protocols.proxy_traps import Trap, Weight


def _apache(id: str, weight: Weight, title: str, why: str, instead: str) -> Trap:
    return Trap(id, weight, title, why, instead)


CATCH_ALL = _apache(
    "catch-all",
    "wrong",
    "A ProxyPass takes the paths of this Alias.",
    "Apache asks mod_proxy before mod_alias, in whatever order they stand: Python gets every static file.",
    "ProxyPass /static ! before the other ProxyPass, or <Location /static> with ProxyPass !.",
)
EXCEPTION_LATE = _apache(
    "exception-late",
    "wrong",
    "The exception stands behind a ProxyPass that takes its paths.",
    "The first ProxyPass in order that fits wins, and a wider one was before.",
    "Put the line with ! first.",
)
PASS_LATE = _apache(
    "pass-late",
    "wrong",
    "A ProxyPass before this one takes its paths.",
    "The first ProxyPass in order that fits wins: this line is never reached.",
    "Put the longer path first.",
)
SECTION_OVERRULED = _apache(
    "section-overruled",
    "wrong",
    "A later section overrules the ProxyPass of this one.",
    "Sections are merged in the order in which they stand, and the last ProxyPass counts.",
    "Put the <Location> of the longer path last.",
)
PASS_UNEVEN = _apache(
    "pass-uneven",
    "wrong",
    "One side of the ProxyPass ends with a slash, and the other does not.",
    "The rest of the path is put behind as it is: /api/x becomes //x, or a host name that ends in x.",
    "A slash on both sides, or on neither.",
)
ALIAS_UNEVEN = _apache(
    "alias-uneven",
    "wrong",
    "One side of the Alias ends with a slash, and the other does not.",
    "/static/a.css becomes /srv/statica.css, or a path with two slashes.",
    "A slash on both sides, or on neither.",
)
ALIAS_REFUSED = _apache(
    "alias-refused",
    "wrong",
    "The folder of this Alias is refused to everybody.",
    "A <Directory> above says Require all denied, and nothing below lets anybody in: 403.",
    "<Directory /srv/static> with Require all granted.",
)
HOST_NOT_KEPT = _apache(
    "host-not-kept",
    "wrong",
    "ProxyPreserveHost is not on, so the app is told the backend's name.",
    "Redirects and links of the app point to the backend; the visitor's name is in X-Forwarded-Host only.",
    "ProxyPreserveHost On",
)
PROTO_NOT_SET = _apache(
    "proto-not-set",
    "danger",
    "X-Forwarded-Proto is not set, so what the visitor writes into it reaches the app.",
    "Apache adds -For, -Host and -Server, never -Proto: the app thinks http, and believes a lie.",
    'RequestHeader set X-Forwarded-Proto "https"',
)
PROTO_NULL = _apache(
    "proto-null",
    "wrong",
    "%{REQUEST_SCHEME}e is empty for a proxied request.",
    "The variable is made for programs, not for backends: the app gets (null).",
    'RequestHeader set X-Forwarded-Proto "expr=%{REQUEST_SCHEME}"',
)
REVERSE_MISSING = _apache(
    "reverse-missing",
    "wrong",
    "No ProxyPassReverse goes with this ProxyPass.",
    "A redirect of the app that names the backend reaches the visitor as it is.",
    "ProxyPassReverse with the same two arguments.",
)
REDIRECT_SWALLOWED = _apache(
    "redirect-swallowed",
    "wrong",
    "A ProxyPass takes the path of this Redirect.",
    "Redirect is mod_alias's, and mod_proxy is asked first: the app gets the path.",
    "RewriteRule with [R], ProxyPass /old !, or the Redirect in a <Location>.",
)
REWRITE_TO_FILE = _apache(
    "rewrite-to-file",
    "wrong",
    "A rewritten path without [PT] is a file.",
    "mod_rewrite comes first, and without [PT] neither ProxyPass nor Alias is asked for the new path.",
    "[PT] at the end of the rule.",
)
REWRITE_OFF = _apache(
    "rewrite-off",
    "wrong",
    "RewriteEngine is not on here.",
    "The rules are read and do nothing.",
    "RewriteEngine On",
)
REWRITE_NOT_INHERITED = _apache(
    "rewrite-not-inherited",
    "wrong",
    "Rules of the main server do not hold in a VirtualHost.",
    "Each VirtualHost has rules of its own, unless it says RewriteOptions Inherit.",
    "Put them into the VirtualHost.",
)
OPEN_PROXY = _apache(
    "open-proxy",
    "danger",
    "ProxyRequests is on.",
    "It makes a proxy for everybody to everywhere; a reverse proxy does not need it.",
    "ProxyRequests Off",
)
FIRST_HOST = _apache(
    "first-host",
    "note",
    "Several VirtualHosts share a port.",
    "Every name that nobody has goes to the first one that is read, and that depends on names of files.",
    "A first VirtualHost that answers 404 or 403.",
)
NAME_MISSING = _apache(
    "name-missing",
    "note",
    "The VirtualHost has no ServerName.",
    "Apache takes this machine's own name for it: nobody asks for that, so it answers only as the first.",
    "ServerName shop.test",
)
WEBSOCKET_HTTP = _apache(
    "websocket-http",
    "wrong",
    "The path looks like one of WebSockets, and Upgrade is not passed on.",
    "mod_proxy_http passes Upgrade on only when it is told to.",
    "ProxyPass /ws http://127.0.0.1:8000/ws upgrade=websocket",
)
STREAMS_BOTH_WAYS = _apache(
    "streams-both-ways",
    "note",
    "Apache passes bytes on as they come, both ways.",
    "A slow visitor holds a worker of the app, unlike behind nginx with its buffers.",
    "gthread workers, or a proxy that buffers before the app.",
)

ENV_AS_SENT = _apache(
    "env-as-sent",
    "note",
    "SetEnvIf Request_URI sees the path as it was sent.",
    "It runs before dots are resolved: /static/../x fits ^/static/, and /%73tatic/ does not.",
    "ProxyPass /static !, which sees the path that is served.",
)

APACHE_TRAPS = (
    *(CATCH_ALL, EXCEPTION_LATE, PASS_LATE, SECTION_OVERRULED, PASS_UNEVEN, ALIAS_UNEVEN, ALIAS_REFUSED),
    *(HOST_NOT_KEPT, PROTO_NOT_SET, PROTO_NULL, REVERSE_MISSING, REDIRECT_SWALLOWED, REWRITE_TO_FILE),
    *(REWRITE_OFF, REWRITE_NOT_INHERITED, OPEN_PROXY, FIRST_HOST, NAME_MISSING, WEBSOCKET_HTTP),
    *(STREAMS_BOTH_WAYS, ENV_AS_SENT),
)
