"""The course, in teaching order. The engine reads this table and imports a lab only to run it."""

from __future__ import annotations

# name, module that holds LAB, one line for `labctl --help`, group of the help.
CURRICULUM: tuple[tuple[str, str, str, str], ...] = (
    ("dns", "labs.dns.lab", "a name becomes an address", "The journey"),
    ("tcp", "labs.tcp.lab", "a reliable pipe", "The journey"),
    ("tls", "labs.tls.lab", "a private pipe", "The journey"),
    ("http", "labs.http.lab", "request, response", "The journey"),
    ("proxy", "labs.proxy.lab", "the front door", "The journey"),
    ("wsgi", "labs.wsgi.lab", "server meets app", "The journey"),
    ("flask", "labs.flask.lab", "inside the app", "The journey"),
    ("workers", "labs.workers.lab", "many at once", "The journey"),
    ("jobs", "labs.jobs.lab", "slow work, live", "The journey"),
    ("cache", "labs.cache.lab", "skip the work", "The journey"),
    ("url", "labs.url.lab", "from Enter to the last byte", "The journey"),
)
