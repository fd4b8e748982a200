"""The traps of nginx's configurations, in words."""

from __future__ import annotations

from labctl.protocols.proxy_traps import Trap, Weight


def _nginx(id: str, weight: Weight, title: str, why: str, instead: str) -> Trap:
    return Trap(id, weight, title, why, instead)


ALIAS_ESCAPES = _nginx(
    "alias-escapes",
    "danger",
    "The location has no slash at its end, and its alias has one.",
    "/static../secret is cut to ../secret and put behind the folder: whoever asks so reads the folder above.",
    "location /static/ { alias /srv/static/; }",
)
ALIAS_JOINS = _nginx(
    "alias-joins",
    "wrong",
    "The location has a slash at its end, and its alias has none.",
    "The rest of the path is put behind the folder's name without a slash: /static/a.css becomes /srv/statica.css.",
    "location /static/ { alias /srv/static/; }",
)
PASS_JOINS = _nginx(
    "pass-joins",
    "wrong",
    "The location has a slash at its end, and the path of proxy_pass has none.",
    "The rest is put behind without a slash: /api/x becomes /v1x.",
    "location /api/ { proxy_pass http://127.0.0.1:8000/v1/; }",
)
PASS_DOUBLES = _nginx(
    "pass-doubles",
    "wrong",
    "The location has no slash at its end, and the path of proxy_pass has one.",
    "The slash comes twice: /api/x becomes //x, and /apifoo becomes /foo.",
    "location /api/ { proxy_pass http://127.0.0.1:8000/; }",
)
PREFIX_CUT = _nginx(
    "prefix-cut",
    "note",
    "proxy_pass has a path, so the app does not see the location's prefix.",
    "Links that the app makes lack it: url_for gives /x where the visitor needs /api/x.",
    "proxy_set_header X-Forwarded-Prefix /api; and ProxyFix(x_prefix=1), or proxy_pass without a path.",
)
HOST_LOST = _nginx(
    "host-lost",
    "wrong",
    "Host is not set, so the app is told the backend's name.",
    "Redirects and links of the app point to the backend, and names are compared with the wrong one.",
    "proxy_set_header Host $host;",
)
FOR_MISSING = _nginx(
    "for-missing",
    "danger",
    "X-Forwarded-For is not set, so what the visitor writes into it reaches the app.",
    "nginx adds nothing by itself: an app behind ProxyFix takes the visitor's word for his address.",
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
)
PROTO_MISSING = _nginx(
    "proto-missing",
    "danger",
    "X-Forwarded-Proto is not set, so what the visitor writes into it reaches the app.",
    "An honest visitor's https is http for the app, and gunicorn believes a lie without any ProxyFix.",
    "proxy_set_header X-Forwarded-Proto $scheme;",
)
WORD_TAKEN = _nginx(
    "word-taken",
    "danger",
    "A field that the app trusts is set to what the visitor has sent.",
    "Whoever reaches nginx directly writes it himself.",
    "$scheme and $proxy_add_x_forwarded_for, or real_ip_header with set_real_ip_from.",
)
FOR_OVERWRITTEN = _nginx(
    "for-overwritten",
    "note",
    "X-Forwarded-For is overwritten with the peer's address.",
    "Right for the first proxy on the way. Behind a CDN the visitor's address is lost.",
    "$remote_addr at the edge, $proxy_add_x_forwarded_for behind one.",
)
SET_HEADER_LOST = _nginx(
    "set-header-lost",
    "wrong",
    "A proxy_set_header here makes all those outside not hold.",
    "They are inherited only where a block has none of its own: the fields set outside are gone.",
    "Repeat all of them here, or include one file in each location.",
)
ADD_HEADER_LOST = _nginx(
    "add-header-lost",
    "wrong",
    "An add_header here makes all those outside not hold.",
    "They are inherited only where a block has none of its own: Strict-Transport-Security and the like are gone.",
    "Repeat all of them here, or include one file in each location.",
)
IF_IN_LOCATION = _nginx(
    "if-in-location",
    "wrong",
    "An if in a location does more than return or rewrite.",
    "It is a location of its own while its condition holds: try_files and other lines outside do not act then.",
    "map for values, return for refusals, another location for another backend.",
)
PATTERN_FIRST = _nginx(
    "pattern-first",
    "wrong",
    "A pattern takes paths that this prefix looks made for.",
    "Patterns go before a prefix, however long it is, unless it has ^~.",
    "location ^~ /static/ { ... }",
)
BUFFERING_OFF = _nginx(
    "buffering-off",
    "note",
    "proxy_buffering is off.",
    "A slow reader then holds a worker of the app until he has read everything.",
    "Leave it on, and send X-Accel-Buffering: no with the answers that stream.",
)
REQUEST_BUFFERING_OFF = _nginx(
    "request-buffering-off",
    "note",
    "proxy_request_buffering is off.",
    "A slow sender then holds a worker of the app until he has sent everything.",
    "Leave it on, except for the location of large uploads.",
)
STREAM_BUFFERED = _nginx(
    "stream-buffered",
    "wrong",
    "The location looks like a stream of events, and proxy_buffering is on.",
    "Events are kept until a buffer is full, and the connection ends after 60 s of silence.",
    "proxy_buffering off; proxy_read_timeout 1h; here, or X-Accel-Buffering: no by the app.",
)
UPGRADE_MISSING = _nginx(
    "upgrade-missing",
    "wrong",
    "The location looks like one of WebSockets, and Upgrade is not passed on.",
    "nginx does not pass on Upgrade and Connection, so the handshake fails.",
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
)
UPGRADE_OLD = _nginx(
    "upgrade-old",
    "wrong",
    "Upgrade is passed on, and proxy_http_version is not set to 1.1.",
    "nginx before 1.29.7 speaks HTTP/1.0 with backends, which knows no Upgrade.",
    "proxy_http_version 1.1;",
)
KEEPALIVE_OLD = _nginx(
    "keepalive-old",
    "note",
    "The upstream keeps connections alive, and the location closes each.",
    "nginx before 1.29.7 speaks HTTP/1.0 with Connection: close, so keepalive does nothing.",
    'proxy_http_version 1.1; proxy_set_header Connection "";',
)
NO_RESOLVER = _nginx(
    "no-resolver",
    "wrong",
    "The backend's name has variables, and no resolver holds.",
    "Such a name is looked up for each request, and without a resolver nginx answers 502.",
    "resolver 127.0.0.53; or an upstream block of that name.",
)
LOCALHOST = _nginx(
    "localhost",
    "note",
    "The backend is localhost, which is two addresses.",
    "nginx asks 127.0.0.1 and [::1] in turn: an app that listens on one of them refuses the other.",
    "proxy_pass http://127.0.0.1:8000;",
)
NO_DEFAULT = _nginx(
    "no-default",
    "note",
    "Several servers share a port, and none is its default_server.",
    "Every name that nobody has goes to the first one that is read, and that depends on names of files.",
    "server { listen 80 default_server; return 444; }",
)
NAME_ODD = _nginx(
    "name-odd",
    "wrong",
    "A server_name is no host name.",
    "Host has no scheme, path, port or comma, so it never fits, and the default server answers.",
    "server_name shop.test www.shop.test;",
)
NAME_TWICE = _nginx(
    "name-twice",
    "wrong",
    "A second server has the same name and port.",
    "nginx only warns, and never asks the second one.",
    "Merge the two, or give one another name.",
)
LISTEN_MISSING = _nginx(
    "listen-missing",
    "note",
    "The server has no listen.",
    "It listens on port 80 when root starts nginx, and on 8000 when anybody else does.",
    "listen 80;",
)
UNDERSCORES = _nginx(
    "underscores",
    "danger",
    "underscores_in_headers is on.",
    "X_Forwarded_For and X-Forwarded-For are one name for a WSGI app: a visitor can send the second one.",
    "Leave it off.",
)
DECODED = _nginx(
    "decoded",
    "danger",
    "A decoded path is put into a URL: $uri, or what a pattern caught.",
    "%20 becomes a blank, which breaks the request line, and %0d%0a a line break, which splits an answer.",
    "$request_uri in return, proxy_pass without a path, rewrite ... break.",
)
REDIRECT_OFF = _nginx(
    "redirect-off",
    "wrong",
    "proxy_redirect is off, and the app is told the backend's name.",
    "A redirect of the app sends the visitor to the backend's address.",
    "proxy_set_header Host $host; then redirects are right from the start.",
)
URI_IN_PATTERN = _nginx(
    "uri-in-pattern",
    "wrong",
    "proxy_pass has a path in a location by pattern, in a named one, or in an if.",
    "nginx does not start: it could not say which part to cut off.",
    "proxy_pass without a path, with rewrite ... break before it.",
)
BODY_LIMIT = _nginx(
    "body-limit",
    "note",
    "client_max_body_size is not set.",
    "An upload of more than 1 MB gets 413 from nginx, and the app hears nothing of it.",
    "client_max_body_size 20m;",
)

X_HOST_OPEN = _nginx(
    "x-host-open",
    "note",
    "X-Forwarded-Host is not set, so what the visitor writes into it reaches the app.",
    "An app behind ProxyFix(x_host=1) takes his word for its own name, in links and mails; without x_host it does not.",
    "leave x_host out of ProxyFix, or proxy_set_header X-Forwarded-Host $host;",
)
X_PREFIX_OPEN = _nginx(
    "x-prefix-open",
    "danger",
    "X-Forwarded-Prefix is set for this backend elsewhere, and not here.",
    "An app that believes it there, by ProxyFix(x_prefix=1), believes the visitor here: its links begin as he likes.",
    'proxy_set_header X-Forwarded-Prefix "";',
)
HEADER_TWICE = _nginx(
    "header-twice",
    "wrong",
    "One block sets the same field twice.",
    "nginx sends both. Of two Host fields most servers make a 400, and an app sees others joined, or the last.",
    "one proxy_set_header for each field.",
)

NGINX_TRAPS: tuple[Trap, ...] = tuple(each for each in list(globals().values()) if isinstance(each, Trap))
