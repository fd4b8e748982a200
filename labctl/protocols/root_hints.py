"""The root as the world knows it: thirteen names, their addresses, and the two keys (facts/network.md 3c, row
24).

The addresses are those of the IANA hints file; b.root moved in November 2023. Hints only say where to ask
first: a walker believes what the root servers themselves answer (RFC 9609).
"""

from __future__ import annotations

# letter: IPv4, IPv6
_ADDRESSES = {
    "a": ("198.41.0.4", "2001:503:ba3e::2:30"),
    "b": ("170.247.170.2", "2801:1b8:10::b"),
    "c": ("192.33.4.12", "2001:500:2::c"),
    "d": ("199.7.91.13", "2001:500:2d::d"),
    "e": ("192.203.230.10", "2001:500:a8::e"),
    "f": ("192.5.5.241", "2001:500:2f::f"),
    "g": ("192.112.36.4", "2001:500:12::d0d"),
    "h": ("198.97.190.53", "2001:500:1::53"),
    "i": ("192.36.148.17", "2001:7fe::53"),
    "j": ("192.58.128.30", "2001:503:c27::2:30"),
    "k": ("193.0.14.129", "2001:7fd::1"),
    "l": ("199.7.83.42", "2001:500:9f::42"),
    "m": ("202.12.27.33", "2001:dc3::35"),
}

ROOT_SERVERS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (f"{letter}.root-servers.net.", addresses) for letter, addresses in _ADDRESSES.items()
)

# KSK-2017 and KSK-2024, which signs since 11 October 2026; both are valid during the roll.
TRUST_ANCHORS = (
    ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)

# What a root server may answer with authority besides the root itself.
ROOT_SERVES = (".", "root-servers.net.", "arpa.")

# a to m.gtld-servers.net, which serve com and net.
GTLD_ADDRESSES = (
    *(
        "192.5.6.30",
        "192.33.14.30",
        "192.26.92.30",
        "192.31.80.30",
        "192.12.94.30",
        "192.35.51.30",
        "192.42.93.30",
    ),
    *("192.54.112.30", "192.43.172.30", "192.48.79.30", "192.52.178.30", "192.41.162.30", "192.55.83.30"),
)
