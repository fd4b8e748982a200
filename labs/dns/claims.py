"""The claims of the dns lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

REFERRAL = Claim(
    "dns.referral",
    "A root server does not know the address; it says whom to ask next.",
    source="RFC 1034 section 4.3.2",
    broken_by="root-knows-it-all",
)
ITERATIVE = Claim(
    "dns.iterative",
    "The servers on the way answer for their own zone only: none of them offers to look further for you.",
    source="RFC 1034 section 4.3.1",
    broken_by="servers-recurse",
)
GLUE = Claim(
    "dns.glue",
    "When a zone's server has a name inside that zone, the parent sends its address along (glue).",
    source="RFC 9471 section 2",
    broken_by="no-glue",
)
HOSTS_FIRST = Claim(
    "dns.hosts-first",
    "The hosts file comes before the DNS: the machine's order of look-ups says so.",
    source="nsswitch.conf(5)",
    broken_by="dns-before-files",
    kind="habit",
)
CACHED = Claim(
    "dns.cached",
    "A resolver that has answered once keeps the answer: it has it even when told not to ask anyone.",
    source="RFC 1035 section 7.4",
    broken_by="resolver-forgets",
)
TTL_DRAINS = Claim(
    "dns.ttl-drains",
    "A cached answer's TTL counts down; asking again does not renew it.",
    source="RFC 1034 section 3.6",
    broken_by="ttl-stands-still",
)
AUTHORITY = Claim(
    "dns.authority",
    "Only the zone's own servers speak with authority (AA); an answer from a cache does not carry the bit.",
    source="RFC 1035 section 4.1.1",
    broken_by="cache-claims-authority",
)
REVERSE = Claim(
    "dns.reverse",
    "The way back is another tree: the name that an address gives is not the one we came from.",
    source="RFC 1034 section 5.2.1",
    broken_by="ptr-mirrors-a",
    kind="habit",
    shown_by=("www.shop.test", "--type", "A", "--type", "PTR"),
)
NO_IS_CACHED = Claim(
    "dns.no-is-cached",
    "A 'no such name' is remembered too, until the time that the zone's SOA allows has run out.",
    source="RFC 2308 section 5",
    broken_by="no-is-forgotten",
    shown_by=("nope.shop.test",),
)
NODATA = Claim(
    "dns.nodata",
    "A name that exists but has no record of this type gives an empty answer, not 'no such name'.",
    source="RFC 2308 section 2.2",
    broken_by="nodata-says-nxdomain",
    shown_by=("www.shop.test", "--type", "A", "--type", "MX"),
)
APEX = Claim(
    "dns.apex",
    "The top of a zone carries SOA and NS, so it cannot be an alias (CNAME).",
    source="RFC 1034 section 3.6.2",
    broken_by="cname-at-apex",
    shown_by=("shop.test",),
)
ALIAS = Claim(
    "dns.alias",
    "A name that is an alias (CNAME) has nothing else: any other question goes on under the new name.",
    source="RFC 1034 section 3.6.2",
    broken_by="alias-flattened",
    shown_by=("alias.shop.test", "--type", "A", "--type", "CNAME"),
)
TRUNCATED = Claim(
    "dns.truncated",
    "An answer that does not fit the datagram is cut off (TC) and asked for again over TCP.",
    source="RFC 7766 section 5, RFC 9715",
    broken_by="no-truncation",
    shown_by=("big.shop.test", "--type", "TXT"),
)
CDN = Claim(
    "dns.cdn",
    "A proxied site's address is the proxy's: DNS does not show the server behind it.",
    source="Cloudflare's published ranges, cloudflare.com/ips",
    broken_by="origin-in-dns",
    kind="habit",
    shown_by=("www.front.test", "--type", "A", "--type", "HTTPS"),
)
MINIMISED = Claim(
    "dns.minimised",
    "With QNAME minimisation the root sees the last label only, not the name you want.",
    source="RFC 9156 section 2",
    broken_by="minimised-refused",
    shown_by=("www.shop.test", "--qmin"),
)
ALL_AGREE = Claim(
    "dns.servers-agree",
    "All servers of a zone give the same answer.",
    source="RFC 1034 section 4.3.5",
    broken_by="stale-secondary",
    kind="habit",
    shown_by=("www.shop.test", "--compare"),
)
PARENT_CHILD = Claim(
    "dns.parent-and-child",
    "The parent's list of a zone's servers is a copy: only the zone itself speaks about it with authority.",
    source="RFC 1034 section 4.2.1, RFC 2181 section 5.4.1",
    broken_by="referral-with-authority",
    shown_by=("mismatch.test", "--compare"),
)
EMPTY_NAME = Claim(
    "dns.empty-name",
    "A name with names below it exists, even without a record of its own: a wildcard does not answer for it.",
    source="RFC 4592 section 2.2.2",
    broken_by="wildcard-over-all",
    shown_by=("sub.wild.shop.test", "--dnssec"),
)
CHAIN = Claim(
    "dns.chain",
    "From the root's key on, each zone vouches for the next by a DS record, down to the answer.",
    source="RFC 4035 section 5",
    broken_by="wrong-ds",
    shown_by=("www.shop.test", "--dnssec"),
)
EXPIRED = Claim(
    "dns.signature-ends",
    "A signature carries its own end, at most a year ahead; after it the same records are bogus.",
    source="RFC 4035 section 5.3.1, RFC 6781 section 4.4.2",
    broken_by="signatures-never-expire",
    kind="habit",
    shown_by=("expired.test", "--dnssec"),
)
INSECURE = Claim(
    "dns.unsigned-is-proven",
    "An unsigned zone is insecure, not bogus, because its parent proves that there is no DS.",
    source="RFC 4035 section 5.2",
    broken_by="no-ds-unproven",
    shown_by=("unsigned.test", "--dnssec"),
)

CLAIMS = (
    REFERRAL,
    ITERATIVE,
    GLUE,
    HOSTS_FIRST,
    CACHED,
    TTL_DRAINS,
    AUTHORITY,
    REVERSE,
    NO_IS_CACHED,
    NODATA,
    APEX,
    ALIAS,
    TRUNCATED,
    CDN,
    MINIMISED,
    ALL_AGREE,
    PARENT_CHILD,
    EMPTY_NAME,
    CHAIN,
    EXPIRED,
    INSECURE,
)
