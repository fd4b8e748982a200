"""Whose address is it? Published ranges of CDNs, suffixes of their names, and addresses with a special
purpose.

The ranges are the published ones at the time of the release (facts/network.md 3a.6); they are refreshed when
a release is made, never at run time. CDNs that publish no list, or one that changes weekly, are told by the
names that an alias chain passes through.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Literal, NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_CLOUDFLARE = """
    173.245.48.0/20 103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 141.101.64.0/18 108.162.192.0/18
    190.93.240.0/20 188.114.96.0/20 197.234.240.0/22 198.41.128.0/17 162.158.0.0/15 104.16.0.0/13
    104.24.0.0/14 172.64.0.0/13 131.0.72.0/22
    2400:cb00::/32 2606:4700::/32 2803:f800::/32 2405:b500::/32 2405:8100::/32 2a06:98c0::/29 2c0f:f248::/32
"""
_FASTLY = """
    23.235.32.0/20 43.249.72.0/22 103.244.50.0/24 103.245.222.0/23 103.245.224.0/24 104.156.80.0/20
    140.248.64.0/18 140.248.128.0/17 146.75.0.0/17 151.101.0.0/16 157.52.64.0/18 167.82.0.0/17
    167.82.128.0/20 167.82.160.0/20 167.82.224.0/20 172.111.64.0/18 185.31.16.0/22 199.27.72.0/21
    199.232.0.0/16
    2a04:4e40::/32 2a04:4e42::/32
"""

# name: (ranges, where they are published)
_PUBLISHED = {
    "Cloudflare": (_CLOUDFLARE, "https://www.cloudflare.com/ips/"),
    "Fastly": (_FASTLY, "https://api.fastly.com/public-ip-list"),
}

# suffix of a name in the alias chain: (CDN, what says so)
_SUFFIXES = {
    "cdn.cloudflare.net": ("Cloudflare", "https://developers.cloudflare.com/dns/zone-setups/partial-setup/"),
    "fastly.net": ("Fastly", "https://www.fastly.com/documentation/guides/"),
    "fastlylb.net": ("Fastly", "https://www.fastly.com/documentation/guides/"),
    "edgecompute.app": ("Fastly", "https://www.fastly.com/documentation/guides/"),
    "cloudfront.net": (
        "Amazon CloudFront",
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/",
    ),
    "edgekey.net": ("Akamai", "https://techdocs.akamai.com/property-mgr/docs/"),
    "edgesuite.net": ("Akamai", "https://techdocs.akamai.com/property-mgr/docs/"),
    "akamaiedge.net": ("Akamai", "https://techdocs.akamai.com/property-mgr/docs/"),
    "akamai.net": ("Akamai", "https://techdocs.akamai.com/property-mgr/docs/"),
    "akamaized.net": ("Akamai", "https://techdocs.akamai.com/property-mgr/docs/"),
    "akadns.net": ("Akamai", "https://techdocs.akamai.com/gtm/docs/"),
    "azureedge.net": ("Azure CDN", "https://learn.microsoft.com/azure/cdn/"),
    "azurefd.net": ("Azure Front Door", "https://learn.microsoft.com/azure/frontdoor/"),
    "b-cdn.net": ("Bunny", "https://docs.bunny.net/docs/"),
    "vercel-dns.com": ("Vercel", "https://vercel.com/docs/domains"),
    "kxcdn.com": ("KeyCDN", "https://www.keycdn.com/support/"),
    "googlehosted.com": ("Google", "https://support.google.com/a/"),
    "ghs.google.com": ("Google", "https://support.google.com/a/"),
}

# The special-purpose registries (RFC 6890) as far as an answer of the DNS can hold them; longest prefix wins.
_SPECIAL = {
    "0.0.0.0/8": ("an address of this network itself", "RFC 1122 section 3.2.1.3"),
    "10.0.0.0/8": ("private use", "RFC 1918"),
    "100.64.0.0/10": ("addresses shared by customers behind a provider's NAT", "RFC 6598"),
    "127.0.0.0/8": ("loopback", "RFC 1122 section 3.2.1.3"),
    "169.254.0.0/16": ("link-local", "RFC 3927"),
    "172.16.0.0/12": ("private use", "RFC 1918"),
    "192.0.0.0/24": ("protocol assignments of the IETF", "RFC 6890"),
    "192.0.2.0/24": ("documentation (TEST-NET-1)", "RFC 5737"),
    "192.88.99.0/24": ("6to4 relays, deprecated", "RFC 7526"),
    "192.168.0.0/16": ("private use", "RFC 1918"),
    "198.18.0.0/15": ("benchmarking", "RFC 2544"),
    "198.51.100.0/24": ("documentation (TEST-NET-2)", "RFC 5737"),
    "203.0.113.0/24": ("documentation (TEST-NET-3)", "RFC 5737"),
    "224.0.0.0/4": ("multicast", "RFC 5771"),
    "240.0.0.0/4": ("reserved", "RFC 1112 section 4"),
    "255.255.255.255/32": ("limited broadcast", "RFC 919"),
    "::/128": ("unspecified", "RFC 4291"),
    "::1/128": ("loopback", "RFC 4291"),
    "::ffff:0:0/96": ("IPv4 written as IPv6", "RFC 4291"),
    "64:ff9b::/96": ("IPv4 behind NAT64", "RFC 6052"),
    "64:ff9b:1::/48": ("IPv4 behind a local NAT64", "RFC 8215"),
    "100::/64": ("discard", "RFC 6666"),
    "2001::/32": ("Teredo", "RFC 4380"),
    "2001:db8::/32": ("documentation", "RFC 3849"),
    "2002::/16": ("6to4", "RFC 3056"),
    "3fff::/20": ("documentation", "RFC 9637"),
    "fc00::/7": ("private use (unique local)", "RFC 4193"),
    "fe80::/10": ("link-local", "RFC 4291"),
    "ff00::/8": ("multicast", "RFC 4291"),
}

# Special, and yet packets to it may reach the public internet, by translation or a tunnel.
_LEADS_ON = {"::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "192.88.99.0/24"}


class Owner(NamedTuple):
    """Who stands behind an address. `match` is the range or the suffix that told, `source` where that is
    published.

    `kind` "cdn": a proxy of that CDN answers there; "special": the address is no ordinary public one.
    """

    kind: Literal["cdn", "special"]
    name: str
    match: str
    source: str
    text: str


def whose(address: str, alias_chain: Iterable[str] = ()) -> Owner | None:
    """Whose address this is, by range first and then by the names of the alias chain; None: nothing is known.

    `alias_chain` are the names that CNAME records led through, the asked name included or not.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    for name, (ranges, source) in _PUBLISHED.items():
        for network in map(ipaddress.ip_network, ranges.split()):
            if ip in network:
                return _cdn(name, str(network), source, f"{address} is in {network}, published by {name}")
    for alias in alias_chain:
        for suffix, (name, source) in _SUFFIXES.items():
            if f".{alias.rstrip('.').lower()}".endswith(f".{suffix}"):
                said = f"the alias {alias.rstrip('.')} ends in {suffix}, which is {name}'s"
                return _cdn(name, suffix, source, said)
    return _special(address, ip)


def _cdn(name: str, match: str, source: str, said: str) -> Owner:
    told = "a proxy answers there and hides the address of the origin; hidden is not protected"
    return Owner("cdn", name, match, source, f"{said}: {told}")


def _special(address: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Owner | None:
    found = [network for network in map(ipaddress.ip_network, _SPECIAL) if ip in network]
    if not found:
        return None
    network = max(found, key=lambda each: each.prefixlen)
    purpose, rfc = _SPECIAL[str(network)]
    text = f"{address} is in {network}, {purpose} ({rfc})"
    if str(network) not in _LEADS_ON:
        text += ": no site of the public internet is there"
    return Owner("special", purpose, str(network), rfc, text)


def published_ranges(name: str) -> tuple[Network, ...]:
    """The published ranges of a CDN as `ipaddress` networks, in the order of its list."""
    return tuple(map(ipaddress.ip_network, _PUBLISHED[name][0].split()))
