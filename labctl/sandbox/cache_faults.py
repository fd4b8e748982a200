"""Faults of caches: each refutes one sentence of the cache lab.

`edge-` habits are the edge's (edge.py), `origin-`, `server-` and `servers-` the shop's (site_shop.py), `browser-`
the lab's browser, the others the store or the programs of the application layer.
"""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault


def _fault(name: str, sentence: str) -> WebFault:
    return WebFault(name, sentence, (name,))


CACHE_FAULTS: tuple[WebFault, ...] = (
    _fault("edge-hides-age", "The edge sends no Age with what it answers out of its store."),
    _fault("edge-keeps-everything", "A rule of the edge makes every URL eligible, whatever its extension."),
    _fault("edge-removes-cookies", "The edge takes Set-Cookie away from what it may keep, and keeps it."),
    _fault("edge-refreshes-first", "The edge asks the origin first, whatever stale-while-revalidate allows."),
    _fault(
        "edge-never-stale", "The edge answers with nothing that has run out, even when the origin is down."
    ),
    _fault("edge-ignores-vary", "The edge takes no notice of Vary."),
    _fault("browser-counts-from-arrival", "The browser counts max-age from when the response arrived."),
    _fault("origin-compares-nothing", "The origin takes no notice of If-None-Match and If-Modified-Since."),
    _fault("browser-keeps-no-store", "The browser keeps what says no-store as if it did not say it."),
    _fault("browser-ignores-immutable", "The browser does not know immutable."),
    _fault("browser-never-guesses", "The browser keeps nothing fresh that has no lifetime of its own."),
    _fault("servers-change-at-once", "All servers of the origin have the new release at the same moment."),
    _fault("server-ignores-hash", "The servers cut the hash out of a file's name and send what they have."),
    _fault("deploy-removes-old", "A deploy removes the files of the release before."),
    _fault("browser-cache-off", "The browser's cache is switched off, as with the developer tools open."),
    _fault("browser-forgets", "The browser's cache is so small that every copy is thrown out soon."),
    _fault("table-without-key", "The table has no primary key, so a read looks at every row."),
    _fault("database-keeps-answers", "A query cache before the database answers the same query again."),
    _fault("store-is-full", "The store has no room left, and throws out whatever comes in."),
    _fault("store-grants-leases", "The store gives leases: it refuses a fill of what was deleted meanwhile."),
    _fault("writers-take-a-lock", "Each writer takes a lock for the key, and holds it over both writes."),
    _fault("ttl-slides", "The store starts the TTL anew with each read."),
    _fault("store-keeps-objects", "The store keeps Python objects as they are, without a text form."),
    _fault("lock-for-everybody", "The store grants the lock to whoever asks (SET without NX)."),
)
