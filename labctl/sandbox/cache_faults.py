"""Faults of caches: each refutes one sentence of the cache lab."""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault

CACHE_FAULTS: tuple[WebFault, ...] = ()
