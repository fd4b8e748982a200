"""Faults of the whole journey: each refutes one sentence of the url lab."""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault

URL_FAULTS: tuple[WebFault, ...] = ()
