"""Whom programs trust in the town, where they look for it and in the forms that they read: DNSSEC and browsers."""

from __future__ import annotations

import json
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


# Browsers that bring a list of authorities of their own, and the directory of their managed policies.
_BROWSERS = (
    (("chromium", "chromium-browser"), "/etc/chromium/policies/managed"),
    (("google-chrome", "google-chrome-stable"), "/etc/opt/chrome/policies/managed"),
    (("microsoft-edge", "microsoft-edge-stable"), "/etc/opt/edge/policies/managed"),
)


def browser_policies(root_pem: str) -> Mapping[str, bytes]:
    """Path to content: what makes the browsers that are here trust this authority (policy CACertificates).

    They shall look names up as every other program does, too.
    """
    encoded = "".join(line for line in root_pem.splitlines() if not line.startswith("-----"))
    policy = {"CACertificates": [encoded], "DnsOverHttpsMode": "off", "BuiltInDnsClientEnabled": False}
    return {
        f"{directory}/labctl.json": json.dumps(policy).encode()
        for programs, directory in _BROWSERS
        if any(map(shutil.which, programs))
    }
