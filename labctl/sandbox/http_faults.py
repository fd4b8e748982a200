"""Faults of HTTP messages: each refutes one sentence of the http lab."""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault

HTTP_FAULTS: tuple[WebFault, ...] = ()
