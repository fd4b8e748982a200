"""shop.test: one zone that holds every record type and every rule of the lessons."""

from __future__ import annotations

from labctl.sandbox.town import ZoneFile
from labctl.sandbox.town_records import Host, addresses, apex

SHOP = (
    Host("ns1.shop.test.", "203.0.113.61", "2001:db8:61::1"),
    Host("ns2.shop.test.", "203.0.113.62", "2001:db8:61::2"),
)

# Twelve strings of 200 letters: more than the 1232 bytes that fit into one unfragmented datagram (RFC 9715).
_BIG = " ".join(f'"{chr(ord("a") + i) * 200}"' for i in range(12))

SHOP_ZONE = ZoneFile(
    "shop.test.",
    (
        *apex("shop.test.", SHOP, serial=2026112001, soa_ttl=3600, minimum=300),
        *addresses(SHOP),
        "shop.test. 300 IN A 203.0.113.10",
        "shop.test. 300 IN AAAA 2001:db8:10::10",
        "shop.test. 3600 IN MX 10 mail.shop.test.",
        "shop.test. 3600 IN MX 20 mail.example.org.",
        'shop.test. 300 IN TXT "v=spf1 mx -all"',
        'shop.test. 3600 IN CAA 0 issue "ca.test"',
        'shop.test. 3600 IN CAA 0 iodef "mailto:security@shop.test"',
        "shop.test. 300 IN HTTPS 1 . alpn=h3,h2 ipv4hint=203.0.113.10 ipv6hint=2001:db8:10::10",
        "www.shop.test. 300 IN A 203.0.113.10",
        "www.shop.test. 300 IN AAAA 2001:db8:10::10",
        "www.shop.test. 300 IN HTTPS 1 . alpn=h2 ipv4hint=203.0.113.10",
        "mail.shop.test. 300 IN A 203.0.113.25",
        "mail.shop.test. 300 IN AAAA 2001:db8:10::25",
        "api.shop.test. 60 IN A 203.0.113.11",
        "alias.shop.test. 300 IN CNAME www.example.org.",
        f"big.shop.test. 300 IN TXT {_BIG}",
        "*.wild.shop.test. 300 IN A 203.0.113.70",
        'wild.shop.test. 300 IN TXT "the wildcard below me answers for names that do not exist"',
        "host.sub.wild.shop.test. 300 IN A 203.0.113.71",
        "a.ent.shop.test. 300 IN A 203.0.113.72",
        "old.shop.test. 300 IN DNAME new.shop.test.",
        "new.shop.test. 300 IN A 203.0.113.10",
        "www.new.shop.test. 300 IN A 203.0.113.10",
        "_imaps._tcp.shop.test. 3600 IN SRV 0 1 993 mail.shop.test.",
        "_svc.shop.test. 300 IN SVCB 1 api.shop.test. alpn=h2 port=8443",
        '_dns.shop.test. 300 IN SVCB 1 resolver.example.net. alpn=dot,h2 key7="/dns-query{?dns}"',
        "xn--bcher-kva.shop.test. 300 IN A 203.0.113.12",
        "origin.shop.test. 300 IN A 203.0.113.181",
        "cdn.shop.test. 300 IN A 203.0.113.182",
        "slow.shop.test. 300 IN A 203.0.113.183",
        "slow-tls.shop.test. 300 IN A 203.0.113.184",
        "raw.shop.test. 300 IN A 203.0.113.185",
        "v6hole.shop.test. 300 IN A 203.0.113.186",
        "v6hole.shop.test. 300 IN AAAA 2001:db8:dead::1",
    ),
    tuple(h.v4 for h in SHOP),
)
