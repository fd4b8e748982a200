"""What the machine that asks knows before any packet leaves."""

from __future__ import annotations

from labctl.internet import HostFiles

HOST_FILES = HostFiles(
    hosts="127.0.0.1 localhost\n203.0.113.99 intranet.shop.test\n",
    nsswitch="hosts: files dns\n",
    resolv_conf="nameserver 198.51.100.53\n",
    platform="linux",
)

# Where `labctl sandbox up` puts the configured resolver, and the port that all its servers share.
STANDING_RESOLVER = "127.53.0.53"
STANDING_PORT = 5300
