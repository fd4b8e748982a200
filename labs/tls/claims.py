"""The claims of the tls lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

ONE_ROUND_TRIP = Claim(
    "tls.one-round-trip",
    "A full handshake costs one round trip in TLS 1.3 and two in TLS 1.2, before the request may go.",
    source="RFC 8446 section 2, RFC 5246 section 7.3",
    broken_by="hello-retry",
)
RESUMPTION = Claim(
    "tls.resumption",
    "A client that comes back resumes its session: the server sends no certificate again.",
    source="RFC 8446 section 2.2; a server need not offer it: section 4.6.1",
    broken_by="no-tickets",
    kind="habit",
)
ONLOOKER = Claim(
    "tls.onlooker",
    "An onlooker reads the server's name in the ClientHello, and its certificate only in TLS 1.2.",
    source="RFC 6066 section 3, RFC 8446 sections 2 and 4.4.2; hidden by Encrypted Client Hello: RFC 9849",
    broken_by="client-without-sni",
    kind="habit",
)
ALPN = Claim(
    "tls.alpn",
    "ALPN chooses between HTTP/2 and HTTP/1.1 inside the handshake, without a further round trip.",
    source="RFC 7301 section 3.1; a server need not answer to it",
    broken_by="alpn-left-out",
    kind="habit",
)
FORWARD_SECRECY = Claim(
    "tls.forward-secrecy",
    "The server's private key does not open a recording; the secrets of that very session do.",
    source="RFC 8446 appendix E.1, RFC 9325 section 4.1; the key log: RFC 9850",
    broken_by="rsa-key-exchange",
)
CHAIN = Claim(
    "tls.chain",
    "A server has to send all that lies between its certificate and a root that the client has already.",
    source="RFC 8446 section 4.4.2; browsers may know or fetch what is missing: RFC 5280 section 4.2.2.1",
    broken_by="client-knows-intermediates",
    kind="habit",
    shown_by=("--bad", "all"),
)
NAME = Claim(
    "tls.name",
    "The name is looked for in subjectAltName only: a common name that fits does not count.",
    source="RFC 9525 section 6.3; OpenSSL and curl still fall back to the common name",
    broken_by="client-reads-common-name",
    shown_by=("--bad", "all"),
)
REASONS = Claim(
    "tls.reasons",
    "A client refuses a wrong certificate and knows the exact reason; its alert, shared by several, says less.",
    source="RFC 5280 section 6, RFC 8446 section 6.2",
    broken_by="client-checks-nothing",
    shown_by=("--bad", "all"),
)
LOOK_ALIKE = Claim(
    "tls.look-alike",
    "A certificate proves control of a name and nothing more: a look-alike name gets a good one too.",
    source="RFC 8555 section 8, CA/Browser Forum Baseline Requirements section 3.2.2.4",
    broken_by="authority-judges-names",
    kind="habit",
    shown_by=("--bad", "all"),
)
TERMINATION = Claim(
    "tls.termination",
    "TLS ends at the edge: from there to the origin the request crosses in the clear, for all to read.",
    source="RFC 9110 section 3.7: a gateway is the end of its clients' connection",
    broken_by="edge-encrypts-upstream",
    kind="habit",
    shown_by=("--show", "termination"),
)

CLAIMS = (
    ONE_ROUND_TRIP,
    RESUMPTION,
    ONLOOKER,
    ALPN,
    FORWARD_SECRECY,
    CHAIN,
    NAME,
    REASONS,
    LOOK_ALIKE,
    TERMINATION,
)
