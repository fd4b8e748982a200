"""The real internet, touched gently: what was asked for, from this machine, with time-outs and a query
budget.
"""

from __future__ import annotations

from labctl.live.internet import LiveInternet
from labctl.live.reach import Reach, in_the_roots_place, reaches_internet, require_internet

__all__ = ["LiveInternet", "Reach", "in_the_roots_place", "reaches_internet", "require_internet"]
