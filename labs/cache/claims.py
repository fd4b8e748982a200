"""The claims of the cache lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

# What the CDN's words mean: in every run without a demonstration.
WORDS = Claim(
    "cache.words",
    "Out of its store a CDN answers HIT and says how old that is (Age); what Cloudflare had to fetch has no Age.",
    source="Cloudflare docs, cache responses; RFC 9111 section 5.1",
    broken_by="edge-hides-age",
    kind="habit",
)
EXTENSION = Claim(
    "cache.extension",
    "Cloudflare goes by the extension in the URL: public, max-age=3600 on an API's answer stays DYNAMIC.",
    source="Cloudflare docs, default cache behavior",
    broken_by="edge-keeps-everything",
    kind="habit",
)
SET_COOKIE = Claim(
    "cache.set-cookie",
    "Cloudflare does not keep a file that comes with a Set-Cookie: BYPASS, each time, whatever its extension.",
    source="Cloudflare docs, default cache behavior and origin cache control",
    broken_by="edge-removes-cookies",
    kind="habit",
)
REFRESHED_BEHIND = Claim(
    "cache.refreshed-behind",
    "Within stale-while-revalidate nobody waits for the origin: the old copy at once, the new one behind it.",
    source="RFC 5861 section 3; Cloudflare docs, cache responses (UPDATING)",
    broken_by="edge-refreshes-first",
)
ORIGIN_DOWN = Claim(
    "cache.origin-down",
    "While the origin is down, a copy that has run out may still be answered with: STALE instead of 502.",
    source="RFC 9111 section 4.2.4, RFC 5861 section 4",
    broken_by="edge-never-stale",
)

# What a browser does, on its own.
AGE = Claim(
    "cache.age",
    "max-age counts from when the response was made, not from when it came: its Age is already used up.",
    source="RFC 9111 sections 4.2.3 and 5.2.2.1",
    broken_by="browser-counts-from-arrival",
    shown_by=("--show", "browser"),
)
NO_CACHE = Claim(
    "cache.no-cache",
    "no-cache does not mean: do not keep. It is kept, and asked about before each use: 200, 304, 304.",
    source="RFC 9111 section 5.2.2.4",
    broken_by="origin-compares-nothing",
    shown_by=("--show", "browser"),
)
NO_STORE = Claim(
    "cache.no-store",
    "no-store means that nothing is kept, so each use is a whole new response: 200, 200, 200.",
    source="RFC 9111 section 5.2.2.5",
    broken_by="browser-keeps-no-store",
    shown_by=("--show", "browser"),
)
IMMUTABLE = Claim(
    "cache.immutable",
    "A reload asks about copies that are still fresh, unless they are immutable (in browsers that heed it).",
    source="RFC 8246 section 2; Firefox and Safari heed it, Chromium does not ask on a reload anyway",
    broken_by="browser-ignores-immutable",
    kind="habit",
    shown_by=("--show", "browser"),
)
HEURISTIC = Claim(
    "cache.heuristic",
    "No Cache-Control does not mean no cache: with a Last-Modified, a tenth of its distance counts as fresh.",
    source="RFC 9111 section 4.2.2",
    broken_by="browser-never-guesses",
    kind="habit",
    shown_by=("--show", "browser"),
)

VARY = Claim(
    "cache.vary",
    "By the RFC, Vary makes a request's field part of the key: another language has a copy of its own.",
    source="RFC 9111 section 4.1",
    broken_by="edge-ignores-vary",
    shown_by=("--show", "keys"),
)

# How a changed file reaches people.
QUERY_STRING = Claim(
    "cache.query-string",
    "style.css?v=2 does not say what is in it: asked during a rolling deploy, the old server's bytes are kept.",
    source="measured; RFC 9111 section 2 (the key is the URI, whatever it was answered with)",
    broken_by="servers-change-at-once",
    kind="measured",
    shown_by=("--show", "busting"),
)
HASHED_NAME = Claim(
    "cache.hashed-name",
    "A name with the content's hash is never answered with other bytes: who does not have them says 404.",
    source="measured; RFC 9111 section 4 and RFC 8246 section 2.1",
    broken_by="server-ignores-hash",
    kind="measured",
    shown_by=("--show", "busting"),
)
DEPLOY_ORDER = Claim(
    "cache.deploy-order",
    "Files first, then the page, and the old files stay: then nobody is told 404 at any moment of a deploy.",
    source="measured",
    broken_by="deploy-removes-old",
    kind="measured",
    shown_by=("--show", "deploy"),
)
PURGE = Claim(
    "cache.purge",
    "A purge empties the CDN and no browser: who has a fresh copy goes on with it and asks nobody.",
    source="RFC 9111 section 4.4; Cloudflare docs, purge cache",
    broken_by="browser-cache-off",
    shown_by=("--show", "purge"),
)
TOO_LATE = Claim(
    "cache.too-late",
    "Until a copy of yesterday runs out, its browser learns nothing of a header that is changed today.",
    source="RFC 9111 section 4.2",
    broken_by="browser-forgets",
    shown_by=("--show", "purge"),
)

# The layer of the application.
LAYERS = Claim(
    "cache.layers",
    "A cache can be slower than what it hides: one over a socket is, in front of a primary key of SQLite.",
    source="measured on this machine",
    broken_by="table-without-key",
    kind="measured",
    shown_by=("--show", "layers"),
)
PAGES = Claim(
    "cache.pages",
    "A database's cache keeps pages, not answers: the same query looks at the same rows again.",
    source="SQLite pragma cache_size; MySQL 8.0 release notes (the query cache is gone); PostgreSQL never had one",
    broken_by="database-keeps-answers",
    kind="habit",
    shown_by=("--show", "layers"),
)
SECOND_CALL = Claim(
    "cache.second-call",
    "A cache keeps the result of something expensive: the second reader does not ask the database.",
    source="cache-aside: look, else compute and keep",
    broken_by="store-is-full",
    shown_by=("--show", "aside"),
)
ASIDE_RACE = Claim(
    "cache.aside-race",
    "Cache-aside has a race: who missed before a write can put the old value back after the delete.",
    source="Nishtala and others, Scaling Memcache at Facebook (2013), section 3.2.1",
    broken_by="store-grants-leases",
    shown_by=("--show", "aside"),
)
THROUGH_RACE = Claim(
    "cache.through-race",
    "Write-through does not keep the two in step: of two writers one may be last in each of them.",
    source="an order of four steps; shown one by one",
    broken_by="writers-take-a-lock",
    shown_by=("--show", "write-through"),
)
WINDOW = Claim(
    "cache.window",
    "With a TTL alone, the old value is read until the TTL is over, however often it is read.",
    source="Redis, EXPIRE: reading does not touch the time to live",
    broken_by="ttl-slides",
    shown_by=("--show", "ttl"),
)
TYPES = Claim(
    "cache.types",
    "What comes out of the cache is not what went in: JSON makes a list of a tuple, and text of number keys.",
    source="Python's json: conversion table",
    broken_by="store-keeps-objects",
    kind="habit",
    shown_by=("--show", "types"),
)
STAMPEDE = Claim(
    "cache.stampede",
    "When many miss at once all of them ask the database; with a lock, and a second look inside it, one does.",
    source="Redis, SET with NX; shown with threads",
    broken_by="lock-for-everybody",
    shown_by=("--show", "stampede"),
)

CLAIMS = (
    WORDS,
    EXTENSION,
    SET_COOKIE,
    REFRESHED_BEHIND,
    ORIGIN_DOWN,
    AGE,
    NO_CACHE,
    NO_STORE,
    IMMUTABLE,
    HEURISTIC,
    VARY,
    QUERY_STRING,
    HASHED_NAME,
    DEPLOY_ORDER,
    PURGE,
    TOO_LATE,
    LAYERS,
    PAGES,
    SECOND_CALL,
    ASIDE_RACE,
    THROUGH_RACE,
    WINDOW,
    TYPES,
    STAMPEDE,
)
