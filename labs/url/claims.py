"""The claims of the url lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

BEFORE_DNS = Claim(
    "url.before-dns",
    "What is remembered makes later steps unnecessary: with an open connection there is no DNS, TCP or TLS.",
    source="RFC 9112 section 9.3, RFC 9113 section 9.1, RFC 6797 section 8.3",
    broken_by="client-remembers-nothing",
)
TEN_REQUESTS = Claim(
    "url.ten-requests",
    "Ten requests need ten connections when each is closed, one when it is kept, none while the copy is fresh.",
    source="RFC 9112 section 9.3, RFC 9111 section 4",
    broken_by="nothing-stays-fresh",
    shown_by=("--show", "connections"),
)
ROUND_TRIPS = Claim(
    "url.round-trips",
    "The first byte over TLS 1.3 costs DNS and three round trips, TCP, TLS and the request, at any bandwidth.",
    source="RFC 9293 section 3.5, RFC 8446 section 2",
    broken_by="first-syn-lost",
    shown_by=("--rtt", "100"),
)
REDIRECTS = Claim(
    "url.redirects-pay-again",
    "Each redirect to another origin pays again for its connection, and for DNS when the name is another one.",
    source="RFC 9110 section 15.4; browsers save some of it: RFC 9113 section 9.1.1",
    broken_by="connections-coalesced",
    kind="habit",
    shown_by=("http://shop.test/",),
)
HAPPY_EYEBALLS = Claim(
    "url.happy-eyeballs",
    "IPv6 gets a head start of 250 ms: a dead family costs that, and not a time-out.",
    source="RFC 8305 sections 4 and 5",
    broken_by="one-address-at-a-time",
    kind="habit",
    shown_by=("https://v6hole.shop.test/",),
)
SLOW_START = Claim(
    "url.slow-start",
    "About ten segments, 14 kB, come in the first round trip; a larger page takes more of them.",
    source="RFC 6928 section 2, RFC 5681 section 3.1",
    broken_by="window-of-two",
    kind="habit",
    shown_by=("--show", "slow-start"),
)
WHAT_YOU_CONTROL = Claim(
    "url.what-you-control",
    "A slow view moves one bar only: the wait between the request's last byte and the response's first.",
    source="RFC 9110 section 15; the phases are those of the Resource Timing recommendation, section 4.5",
    broken_by="slow-after-the-head",
    kind="habit",
    shown_by=("--show", "slow-view"),
)

CLAIMS = (
    BEFORE_DNS,
    TEN_REQUESTS,
    ROUND_TRIPS,
    REDIRECTS,
    HAPPY_EYEBALLS,
    SLOW_START,
    WHAT_YOU_CONTROL,
)
