"""Faults of connections under TLS: each refutes one sentence of the tls lab."""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault

TLS_FAULTS: tuple[WebFault, ...] = ()
