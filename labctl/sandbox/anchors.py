"""The trust anchor of the town's root where validating programs look for theirs, in the forms that they read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

# What `signing.root_anchor` computes, which takes the DNS library; a test compares.
ROOT_ANCHOR = ". DS 4709 13 2 AAC2B06FB33EFACDB1879A6B5BD22967C573A26B5681A13F0DEF1DC209C20697"

# BIND's own (delv, named) and what distributions give to unbound and others.
_BIND_KEYS = "/etc/bind/bind.keys"
_ROOT_KEYS = ("/var/lib/unbound/root.key", "/usr/share/dns/root.key", "/usr/share/dns/root.ds")


def bind_form(anchor: str) -> str:
    """The anchor as a `trust-anchors` statement, for `delv -a FILE` and named."""
    owner, _, tag, algorithm, kind, digest = anchor.split()
    return f'trust-anchors {{ {owner} static-ds {tag} {algorithm} {kind} "{digest}"; }};\n'


def anchor_files() -> Mapping[str, bytes]:
    """Path to content: the files of the programs that are here, or that are there already."""
    line = ROOT_ANCHOR.replace(" DS ", " IN DS ") + "\n"
    files = {path: line.encode() for path in _ROOT_KEYS if os.path.isfile(path)}
    if shutil.which("delv") or os.path.isfile(_BIND_KEYS):
        files[_BIND_KEYS] = bind_form(ROOT_ANCHOR).encode()
    return files
