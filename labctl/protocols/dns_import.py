"""dnspython without what its import costs too much: `from labctl.protocols.dns_import import dns`.

`dns._features` imports importlib.metadata only to compare versions of optional extras, a quarter of what
importing `dns.message` costs (160 million instructions on a bare interpreter). A stand-in takes that
module's place for the moment of the import. Of the extras only `dnssec` matters to us, and we depend on it.
"""

from __future__ import annotations

import importlib
import sys
import types


def _features_without_metadata() -> None:
    if "importlib.metadata" in sys.modules or "dns._features" in sys.modules:
        return
    stand_in = types.ModuleType("importlib.metadata")
    sys.modules["importlib.metadata"] = stand_in
    try:
        features = importlib.import_module("dns._features")
        for extra in ("dnssec", "doh", "doq", "idna", "trio", "wmi"):
            features.force(extra, extra == "dnssec")
    except (ImportError, AttributeError):  # another dnspython, laid out differently: slower, not broken
        pass
    finally:
        del sys.modules["importlib.metadata"]
        if getattr(importlib, "metadata", None) is stand_in:
            del importlib.metadata


_features_without_metadata()

import dns  # noqa: E402
import dns.exception  # noqa: E402
import dns.flags  # noqa: E402
import dns.message  # noqa: E402
import dns.name  # noqa: E402
import dns.rdata  # noqa: E402
import dns.rdataclass  # noqa: E402
import dns.rdatatype  # noqa: E402
import dns.rrset  # noqa: E402

__all__ = ["dns"]
