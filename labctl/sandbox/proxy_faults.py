"""Faults of proxies and of what stands behind them: each refutes one sentence of the proxy lab.

`proxy-`, `nginx-` and `apache-` habits are the embedded proxy's (proxy_server.py and its parts), `cdn-` the edge's,
`origin-` the firewall's, `app-` and `gunicorn-` belong to the app and its server.
"""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault


def _fault(name: str, sentence: str) -> WebFault:
    return WebFault(name, sentence, (name,))


PROXY_FAULTS: tuple[WebFault, ...] = (
    _fault("proxy-transparent", "The proxy connects to the app from the address of whoever asked."),
    _fault("proxy-peer-first", "The proxy writes its peer on the left of X-Forwarded-For."),
    _fault("proxy-overwrites", "The proxy throws the list away and puts its peer alone in X-Forwarded-For."),
    _fault("app-reads-from-left", "The app takes the first entry of X-Forwarded-For, whatever the count."),
    _fault("app-reads-forwarded", "The app has a middleware that believes the Forwarded field."),
    _fault("cdn-passes-list", "The CDN passes X-Forwarded-For on as it came, and writes nobody in it."),
    _fault("origin-lets-cdn-only", "The origin's firewall lets nobody in but the CDN."),
    _fault("proxy-adds-proto", "The proxy adds X-Forwarded-Proto without being told."),
    _fault("proxy-drops-forwarded", "The proxy drops every X-Forwarded field that comes from outside."),
    _fault("gunicorn-trusts-nobody", "gunicorn's forwarded_allow_ips names an address that nobody has."),
    _fault("gunicorn-lets-underscores-in", "gunicorn runs with --header-map dangerous."),
    _fault("proxy-encrypts-upstream", "The proxy speaks TLS with the app as well."),
    _fault("nginx-whole-segments", "nginx's location matches whole segments of the path."),
    _fault("apache-longest-wins", "In Apache the longest ProxyPass wins, wherever it stands."),
    _fault("apache-alias-first", "Apache asks mod_alias before mod_proxy."),
    _fault("nginx-stays-inside", "nginx's alias gives out nothing that lies outside of its folder."),
    _fault("proxy-sticks-to-first", "The proxy always begins with the first app."),
    _fault("proxy-streams-answers", "The proxy passes answers on as they come, whatever is configured."),
    _fault("proxy-streams-requests", "The proxy passes uploads on as they come, whatever is configured."),
    _fault("proxy-always-buffers", "The proxy buffers both ways, whatever is configured."),
    _fault("proxy-never-notices", "The proxy asks the app whose turn it is, dead or not, and no other."),
    _fault("proxy-leaves-location", "The proxy passes Location on as the app wrote it."),
)
