"""The claims of the proxy lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

# Seen in the run without a demonstration.
PEER = Claim(
    "proxy.peer",
    "Behind a proxy the server sees one peer, the proxy: REMOTE_ADDR is its address, here 127.0.0.1, whoever asked.",
    source="PEP 3333 and RFC 3875 section 4.1.8: REMOTE_ADDR is the peer of the connection",
    broken_by="proxy-transparent",
)
LIST = Claim(
    "proxy.list",
    "X-Forwarded-For is a list: each proxy writes its peer on the right, and what was there stays on the left.",
    source="nginx docs, $proxy_add_x_forwarded_for; Apache docs, mod_proxy; Cloudflare docs, HTTP headers",
    broken_by="proxy-peer-first",
    kind="habit",
)
COUNT = Claim(
    "proxy.count",
    "Behind a CDN and a proxy ProxyFix(x_for=1) gives the CDN's address, and x_for=2 the visitor's.",
    source="Werkzeug docs, X-Forwarded-For Proxy Fix",
    broken_by="proxy-overwrites",
)
TOO_MANY = Claim(
    "proxy.too-many",
    "With one count too many ProxyFix believes what the visitor wrote; with the right one it does not.",
    source="Werkzeug docs, X-Forwarded-For Proxy Fix",
    broken_by="app-reads-from-left",
)
FORWARDED = Claim(
    "proxy.forwarded",
    "ProxyFix does not read RFC 7239's Forwarded: whoever sends only that changes nothing.",
    source="werkzeug.middleware.proxy_fix; RFC 7239",
    broken_by="app-reads-forwarded",
    kind="habit",
)

# Who gets through with what.
RIGHT_COUNT = Claim(
    "proxy.right-count",
    "One count alone gives the visitor to honest and lying visitors alike: that of the proxies that append.",
    source="Werkzeug docs, X-Forwarded-For Proxy Fix",
    broken_by="cdn-passes-list",
    shown_by=("--show", "grid"),
)
BYPASS = Claim(
    "proxy.bypass",
    "Who reaches the origin past the CDN writes his own address, and the right count believes it.",
    source="Cloudflare docs, protect your origin server",
    broken_by="origin-lets-cdn-only",
    shown_by=("--show", "grid"),
)
ADDED = Claim(
    "proxy.added",
    "Nobody adds X-Forwarded-Proto unasked: plain nginx adds no header, Apache adds -For, -Host and -Server.",
    source="nginx docs, proxy_set_header; Apache docs, mod_proxy (Reverse Proxy Request Headers)",
    broken_by="proxy-adds-proto",
    kind="habit",
    shown_by=("--show", "headers"),
)
PASSED = Claim(
    "proxy.passed",
    "What a proxy does not set it passes on: a visitor's own X-Forwarded-Proto: https reaches the app.",
    source="RFC 9110 section 7.6: a proxy forwards the fields that it does not know",
    broken_by="proxy-drops-forwarded",
    shown_by=("--show", "headers"),
)
TRUSTS = Claim(
    "proxy.trusts",
    "gunicorn needs no ProxyFix to call a request https: from 127.0.0.1 it believes X-Forwarded-Proto.",
    source="gunicorn docs, forwarded_allow_ips and secure_scheme_headers",
    broken_by="gunicorn-trusts-nobody",
    kind="habit",
    shown_by=("--show", "gunicorn-trust"),
)
UNDERSCORE = Claim(
    "proxy.underscore",
    "X_Forwarded_For and X-Forwarded-For are one name in the environ: wsgiref takes both, gunicorn the second only.",
    source="RFC 3875 section 4.1.18; gunicorn docs, header_map",
    broken_by="gunicorn-lets-underscores-in",
    kind="habit",
    shown_by=("--show", "underscore"),
)

TERMINATION = Claim(
    "proxy.termination",
    "TLS ends at the proxy: what goes on to the app can be read by whoever sits there, and a header says https.",
    source="RFC 9110 section 7.6; nginx docs, configuring HTTPS servers",
    broken_by="proxy-encrypts-upstream",
    shown_by=("--show", "termination"),
)
PREFIX = Claim(
    "proxy.prefix",
    "nginx's location /api takes /apifoo as well; Apache's ProxyPass /api ends at a slash.",
    source="nginx docs, location; Apache docs, ProxyPass",
    broken_by="nginx-whole-segments",
    shown_by=("--show", "routing"),
)
ORDER = Claim(
    "proxy.order",
    "In Apache the first ProxyPass that fits wins, so order matters; in nginx the longest prefix, in any order.",
    source="Apache docs, Ordering ProxyPass Directives; nginx docs, location",
    broken_by="apache-longest-wins",
    shown_by=("--show", "routing"),
)
CATCH_ALL = Claim(
    "proxy.catch-all",
    "Apache asks mod_proxy before mod_alias: beside ProxyPass / an Alias is never reached, in either order.",
    source="Apache's source, ap_hook_translate_name in mod_proxy.c (FIRST) and mod_alias.c (MIDDLE)",
    broken_by="apache-alias-first",
    shown_by=("--show", "static"),
)
TRAVERSAL = Claim(
    "proxy.traversal",
    "location /static without a slash, with an alias that ends in one, gives out /static../secret.txt.",
    source="nginx docs, alias: the prefix is cut off, the rest is put behind the folder",
    broken_by="nginx-stays-inside",
    shown_by=("--show", "static"),
)
BALANCE = Claim(
    "proxy.balance",
    "Round robin gives each of the apps the same number of requests, whoever sends them.",
    source="nginx docs, upstream; Apache docs, mod_lbmethod_byrequests",
    broken_by="proxy-sticks-to-first",
    shown_by=("--show", "balance"),
)
SLOW_READER = Claim(
    "proxy.slow-reader",
    "A proxy that buffers takes the answer off the worker's hands: a slow reader does not hold it.",
    source="nginx docs, proxy_buffering; gunicorn docs, deploying (a buffering proxy)",
    broken_by="proxy-streams-answers",
    shown_by=("--show", "buffering"),
)
SLOW_SENDER = Claim(
    "proxy.slow-sender",
    "A proxy that buffers requests gives the app an upload when it is whole: a slow sender does not hold it.",
    source="nginx docs, proxy_request_buffering",
    broken_by="proxy-streams-requests",
    shown_by=("--show", "buffering"),
)
STREAMING = Claim(
    "proxy.streaming",
    "Not every proxy buffers: one that passes bytes on as they come, as Apache does, leaves the worker held.",
    source="Apache's mod_proxy_http streams both ways; nginx with proxy_buffering off",
    broken_by="proxy-always-buffers",
    kind="habit",
    shown_by=("--show", "buffering"),
)
HEALTH = Claim(
    "proxy.health",
    "A dead app is noticed by the request that fails on it; the next app answers that, and the dead one is left alone.",
    source="nginx docs, max_fails, fail_timeout, proxy_next_upstream",
    broken_by="proxy-never-notices",
    shown_by=("--show", "health"),
)
REDIRECTS = Claim(
    "proxy.redirects",
    "An app that is asked by its inner name redirects to it; ProxyPassReverse (nginx: proxy_redirect) repairs that.",
    source="Apache docs, ProxyPassReverse; nginx docs, proxy_redirect",
    broken_by="proxy-leaves-location",
    shown_by=("--show", "redirects"),
)

CLAIMS = (
    PEER,
    LIST,
    COUNT,
    TOO_MANY,
    FORWARDED,
    RIGHT_COUNT,
    BYPASS,
    ADDED,
    PASSED,
    TRUSTS,
    UNDERSCORE,
    TERMINATION,
    PREFIX,
    ORDER,
    CATCH_ALL,
    TRAVERSAL,
    BALANCE,
    SLOW_READER,
    SLOW_SENDER,
    STREAMING,
    HEALTH,
    REDIRECTS,
)
