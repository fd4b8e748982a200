"""Header fields of HTTP: one sentence each, and the document that says so. Names in lower case.

Sections: RFC 9110 unless another document is named. `meaning` fits a sentence to a value where that says more.
"""

from __future__ import annotations

from typing import NamedTuple

from labctl.protocols.http_field_values import SENTENCES


class FieldMeaning(NamedTuple):
    """`sentence` says what the field is for; `source` is "RFC 9110 section 7.2", or "" for a field nobody defined."""

    sentence: str
    source: str


_9110 = {
    "accept": ("Media types that the client can use; q says how gladly.", "12.5.1"),
    "accept-charset": ("Character sets that the client can use; deprecated, all is UTF-8.", "12.5.2"),
    "accept-encoding": ("Codings in which the client can read content.", "12.5.3"),
    "accept-language": ("Languages that the person reads; q says how gladly.", "12.5.4"),
    "accept-ranges": ("Whether parts of this may be asked for.", "14.3"),
    "allow": ("The methods that this resource has.", "10.2.1"),
    "authentication-info": ("More about an authentication that succeeded.", "11.6.3"),
    "authorization": ("Who the client is: credentials, on every request that needs them.", "11.6.2"),
    "connection": ("What concerns this connection alone; the next hop does not see it.", "7.6.1"),
    "content-encoding": ("How the content is coded; undo it to have the media type.", "8.4"),
    "content-language": ("The language of those for whom it is meant.", "8.5"),
    "content-length": ("How many bytes of content follow.", "8.6"),
    "content-location": ("The URL of exactly this representation.", "8.7"),
    "content-range": ("Which bytes of the whole these are.", "14.4"),
    "content-type": ("What the content is, and for text its character set.", "8.3"),
    "date": ("When this message was made, by the sender's clock.", "6.6.1"),
    "etag": ("This version's tag, to compare with later.", "8.8.3"),
    "expect": ("What the server must agree to before the content is sent.", "10.1.1"),
    "from": ("The mailbox of the person behind a robot.", "10.1.2"),
    "host": ("Which site of this address is meant.", "7.2"),
    "if-match": ("Do it only if the version is still this one: no lost updates.", "13.1.1"),
    "if-modified-since": ("Send it only if it is newer than this date.", "13.1.3"),
    "if-none-match": ("Send it only if the version is another one than these.", "13.1.2"),
    "if-range": ("The part if the version is this one, else the whole.", "13.1.5"),
    "if-unmodified-since": ("Do it only if it has not changed since this date.", "13.1.4"),
    "last-modified": ("When this version was made, as the server knows.", "8.8.2"),
    "location": ("Where to go, or where the new thing is.", "10.2.2"),
    "max-forwards": ("How many proxies TRACE or OPTIONS may still pass.", "7.6.2"),
    "proxy-authenticate": ("How to log in to the proxy.", "11.7.1"),
    "proxy-authorization": ("Credentials for the proxy.", "11.7.2"),
    "range": ("Only these bytes, please.", "14.2"),
    "referer": ("The page that led here (the name's spelling is historical).", "10.1.3"),
    "retry-after": ("When it is worth trying again.", "10.2.3"),
    "server": ("The software that answered, as it names itself.", "10.2.4"),
    "te": ("Transfer codings, and whether trailers, are welcome.", "10.1.4"),
    "trailer": ("Fields that will come after the content.", "6.6.2"),
    "upgrade": ("Another protocol for this connection.", "7.8"),
    "user-agent": ("The client's software, as it names itself.", "10.1.5"),
    "vary": ("The request fields that chose this version: a cache must compare them.", "12.5.5"),
    "via": ("The proxies that this message went through.", "7.6.3"),
    "www-authenticate": ("How to log in.", "11.6.1"),
}
_OTHERS = {
    "transfer-encoding": ("Chunks: the end is said by a chunk of size 0.", "RFC 9112 section 6.1"),
    "keep-alive": ("How long an idle connection is kept.", "RFC 2068 section 19.7.1"),
    "mime-version": ("A leftover of mail; it means nothing here.", "RFC 9112 appendix B.1"),
    "age": ("Seconds since the origin made or confirmed it: a cache answered.", "RFC 9111 section 5.1"),
    "cache-control": ("What caches may do with it.", "RFC 9111 section 5.2"),
    "expires": ("Fresh until this date, unless max-age says something else.", "RFC 9111 section 5.3"),
    "pragma": ("Cache-Control's ancestor; deprecated.", "RFC 9111 section 5.4"),
    "warning": ("A warning of a cache; obsolete.", "RFC 9111 section 5.5"),
    "cache-status": ("What each cache on the way did, and why.", "RFC 9211 section 2"),
    "cdn-cache-control": ("Cache-Control for CDNs alone.", "RFC 9213 section 3.1"),
    "cookie": ("What this host asked the client to bring back.", "RFC 6265 section 5.4"),
    "set-cookie": ("Please bring this back; one cookie a line, lines never joined.", "RFC 6265 section 4.1"),
    "strict-transport-security": ("For so long, come by https only.", "RFC 6797 section 6.1"),
    "alt-svc": ("The same site, elsewhere or by another protocol.", "RFC 7838 section 3"),
    "alt-used": ("The alternative that the client uses.", "RFC 7838 section 5"),
    "link": ("Relations to other resources: preload, next, canonical.", "RFC 8288 section 3"),
    "early-data": ("It came in TLS early data: it may be a replay.", "RFC 8470 section 5.1"),
    "forwarded": ("What a proxy replaced: the client, the host, the scheme.", "RFC 7239 section 4"),
    "content-disposition": ("Show it, or save it under this name.", "RFC 6266 section 4"),
    "content-digest": ("A digest of the content, to check it.", "RFC 9530 section 2"),
    "repr-digest": ("A digest of the whole representation.", "RFC 9530 section 3"),
    "want-content-digest": ("A digest of the content is wished for.", "RFC 9530 section 4"),
    "priority": ("How urgent, and whether it is useful in parts.", "RFC 9218 section 5"),
    "prefer": ("A wish that the server may ignore.", "RFC 7240 section 2"),
    "preference-applied": ("Which wishes were granted.", "RFC 7240 section 3"),
    "idempotency-key": ("The same key twice means the same request.", "draft-ietf-httpapi-idempotency-key-header"),
    "deprecation": ("This resource is on its way out.", "RFC 9745 section 2"),
    "sunset": ("From this date on it may be gone.", "RFC 8594 section 3"),
    "origin": ("The site whose page sends this request.", "RFC 6454 section 7"),
    "accept-patch": ("Patch formats that are understood.", "RFC 5789 section 3.1"),
    "accept-post": ("Media types that may be posted.", "LDP section 7.1"),
    "accept-ch": ("Client hints that the server would like.", "RFC 8942 section 3.1"),
    "ratelimit-limit": ("How many requests are allowed in a while.", "draft-ietf-httpapi-ratelimit-headers"),
    "ratelimit-remaining": ("How many requests are left.", "draft-ietf-httpapi-ratelimit-headers"),
    "ratelimit-reset": ("Seconds until the count begins anew.", "draft-ietf-httpapi-ratelimit-headers"),
    "traceparent": ("The identity of a distributed trace.", "W3C Trace Context"),
    "tracestate": ("What each vendor adds to the trace.", "W3C Trace Context"),
    "server-timing": ("Where the server spent its time.", "W3C Server Timing"),
    "timing-allow-origin": ("Who may read the detailed times.", "W3C Resource Timing"),
    "content-security-policy": ("From where the page may load and run things.", "W3C CSP Level 3"),
    "content-security-policy-report-only": ("The same, only reported.", "W3C CSP Level 3"),
    "referrer-policy": ("How much of this URL others learn in Referer.", "W3C Referrer Policy"),
    "permissions-policy": ("Which features of the browser the page may use.", "W3C Permissions Policy"),
    "cross-origin-opener-policy": ("Whether other windows may hold on to this one.", "WHATWG HTML"),
    "cross-origin-embedder-policy": ("What the page embeds from elsewhere must have agreed to it.", "WHATWG HTML"),
    "cross-origin-resource-policy": ("Which sites may embed this.", "WHATWG Fetch"),
    "refresh": ("Go there after so many seconds.", "WHATWG HTML"),
    "x-frame-options": ("Who may show this page in a frame.", "RFC 7034; CSP frame-ancestors replaces it"),
    "x-content-type-options": ("nosniff: believe Content-Type, do not guess.", "WHATWG Fetch"),
    "x-requested-with": ("A script sent it.", "a habit of JavaScript libraries"),
    "x-powered-by": ("The software behind the server, as it names itself.", "a habit"),
    "x-request-id": ("A number for this request, for the logs.", "a habit"),
    "x-xss-protection": ("A filter that browsers have given up.", "a habit"),
    "upgrade-insecure-requests": ("The client would rather have https.", "W3C Upgrade Insecure Requests"),
    "dnt": ("Do not track; given up.", "W3C Tracking Preference Expression"),
    "sec-gpc": ("Please do not sell or share what you learn.", "W3C Global Privacy Control"),
    "save-data": ("The person pays for each byte.", "WICG Save Data"),
    "report-to": ("Where the browser sends reports; Reporting-Endpoints replaces it.", "W3C Reporting"),
    "reporting-endpoints": ("Where the browser sends reports.", "W3C Reporting"),
    "nel": ("Report failures of the network.", "W3C Network Error Logging"),
    "access-control-allow-origin": ("Which site's scripts may read this.", "WHATWG Fetch"),
    "access-control-allow-credentials": ("Also when cookies were sent.", "WHATWG Fetch"),
    "access-control-allow-headers": ("Fields that such a script may send.", "WHATWG Fetch"),
    "access-control-allow-methods": ("Methods that such a script may use.", "WHATWG Fetch"),
    "access-control-expose-headers": ("Fields that such a script may read.", "WHATWG Fetch"),
    "access-control-max-age": ("How long this permission may be remembered.", "WHATWG Fetch"),
    "access-control-request-headers": ("Asks whether a script may send these fields.", "WHATWG Fetch"),
    "access-control-request-method": ("Asks whether a script may use this method.", "WHATWG Fetch"),
    "sec-fetch-dest": ("What the browser will do with it.", "W3C Fetch Metadata"),
    "sec-fetch-mode": ("How the browser fetches it.", "W3C Fetch Metadata"),
    "sec-fetch-site": ("How near the asking page is.", "W3C Fetch Metadata"),
    "sec-fetch-user": ("A person clicked.", "W3C Fetch Metadata"),
    "sec-ch-ua": ("A client hint: the browser's brands.", "WICG User-Agent Client Hints"),
    "sec-websocket-key": ("A random number, to be answered.", "RFC 6455 section 11.3.1"),
    "sec-websocket-accept": ("The answer to that number.", "RFC 6455 section 11.3.3"),
    "x-forwarded-for": ("The client's address, as a proxy saw it; a client can write anything.", "a habit; RFC 7239"),
    "x-forwarded-proto": ("The scheme that the client used, as a proxy says.", "a habit; RFC 7239"),
    "x-forwarded-host": ("The host that the client asked for, as a proxy says.", "a habit; RFC 7239"),
    "x-real-ip": ("The client's address, as a proxy saw it.", "a habit of nginx"),
    "x-accel-expires": ("How long nginx may keep it.", "a habit of nginx"),
    "x-cache": ("HIT or MISS, in the words of this CDN.", "a habit; Cache-Status replaces it"),
    "x-cache-hits": ("How often this copy was served.", "a habit of Fastly"),
    "x-served-by": ("The cache that answered.", "a habit of Fastly"),
    "x-timer": ("When, and how long, inside Fastly.", "a habit of Fastly"),
    "x-varnish": ("Varnish's numbers for this request and the stored one.", "a habit of Varnish"),
    "x-amz-cf-id": ("CloudFront's number for this request.", "a habit of CloudFront"),
    "x-amz-cf-pop": ("Which of CloudFront's places answered.", "a habit of CloudFront"),
    "cf-cache-status": ("What Cloudflare's cache did.", "a habit of Cloudflare"),
    "cf-ray": ("Cloudflare's number for this request, and the place.", "a habit of Cloudflare"),
    "cf-connecting-ip": ("The visitor's address, as Cloudflare saw it.", "a habit of Cloudflare"),
    "surrogate-control": ("Cache-Control for the CDN, before RFC 9213.", "W3C Edge Architecture note"),
    "surrogate-key": ("Names under which the CDN can purge this.", "a habit of Fastly"),
    "cloudflare-cdn-cache-control": ("Cache-Control for Cloudflare alone.", "RFC 9213; a habit of Cloudflare"),
    "x-cache-status": ("What the proxy's cache did, often nginx.", "a habit of nginx"),
    "x-accel-buffering": ("no: nginx hands the response on as it comes.", "a habit of nginx"),
    "x-robots-tag": ("What search engines may do with it.", "a habit of search engines"),
    "x-correlation-id": ("A number that stays the same across services.", "a habit"),
    "x-runtime": ("Seconds that the application took.", "a habit of Rails"),
    "x-ua-compatible": ("A leftover of Internet Explorer.", "a habit of Microsoft"),
    "x-dns-prefetch-control": ("Whether the browser may look up names of links early.", "a habit of browsers"),
    "x-permitted-cross-domain-policies": ("A leftover of Flash.", "a habit of Adobe"),
    "x-download-options": ("A leftover of Internet Explorer.", "a habit of Microsoft"),
    "x-amz-request-id": ("Amazon's number for this request.", "a habit of Amazon"),
    "cf-ipcountry": ("The visitor's country, as Cloudflare guesses.", "a habit of Cloudflare"),
    "cf-visitor": ("The scheme that the visitor used.", "a habit of Cloudflare"),
    "p3p": ("A policy language that nobody reads any more.", "W3C P3P"),
    "expect-ct": ("Certificates must be logged; obsolete, they are.", "RFC 9163 section 2"),
    "clear-site-data": ("Forget what this site has stored.", "W3C Clear Site Data"),
    "service-worker-allowed": ("How much of the site a service worker may serve.", "W3C Service Workers"),
    "origin-agent-cluster": ("This origin wants a process of its own.", "WHATWG HTML"),
    "critical-ch": ("Client hints that the answer depends on: ask again with them.", "WICG Client Hints Reliability"),
    "sourcemap": ("Where the source of this script stands.", "ECMA-426"),
    "last-event-id": ("The last event that came: go on behind it.", "WHATWG HTML"),
    "proxy-status": ("What went wrong at which proxy.", "RFC 9209 section 2"),
    "proxy-authentication-info": ("More about an authentication at the proxy.", "RFC 9110 section 11.7.3"),
    "proxy-connection": ("A mistake of old clients; Connection is meant.", "RFC 9112 appendix C.2.2"),
    "cdn-loop": ("The CDNs that it went through: a loop shows.", "RFC 8586 section 2"),
    "want-repr-digest": ("A digest of the representation is wished for.", "RFC 9530 section 4"),
    "digest": ("A digest; Repr-Digest replaces it.", "RFC 3230, obsoleted by RFC 9530"),
    "content-md5": ("A digest that is none any more; removed from HTTP.", "RFC 2616 section 14.15"),
    "sec-websocket-version": ("The version of WebSocket.", "RFC 6455 section 11.3.5"),
    "sec-websocket-protocol": ("What is spoken inside the WebSocket.", "RFC 6455 section 11.3.4"),
    "sec-websocket-extensions": ("Extensions of WebSocket.", "RFC 6455 section 11.3.2"),
    "dav": ("The parts of WebDAV that are understood.", "RFC 4918 section 10.1"),
    "depth": ("How far down the tree it goes.", "RFC 4918 section 10.2"),
    "destination": ("Where to copy or move it to.", "RFC 4918 section 10.3"),
    "http2-settings": ("An upgrade to HTTP/2 without TLS; obsolete.", "RFC 7540 section 3.2.1"),
}  # fmt: skip
FIELDS: dict[str, FieldMeaning] = {
    **{name: FieldMeaning(said, f"RFC 9110 section {section}") for name, (said, section) in _9110.items()},
    **{name: FieldMeaning(*both) for name, both in _OTHERS.items()},
}
UNKNOWN = FieldMeaning("Defined in no document known here; the two ends agreed.", "")


class Bearer(NamedTuple):
    """The message that a field stands in. `status` is 0 in a request; `method` is the request's, "" not known."""

    method: str = ""
    status: int = 0
    scheme: str = "https"


ANY = Bearer()


def meaning(name: str, value: str = "", bearer: Bearer = ANY) -> FieldMeaning:
    """What the field says, and with this value, in this message, where that says more."""
    key = name.lower()
    found = FIELDS.get(key, UNKNOWN)
    special = SENTENCES.get(key)
    said = _here(key, value, bearer) or (special(value) if special and value else "")
    return found._replace(sentence=said) if said else found


def _here(key: str, value: str, bearer: Bearer) -> str:
    """What the message makes of it; "" when the field says the same everywhere."""
    method, status, scheme = bearer
    if not value and key in FIELDS and status and key not in ("allow", "location"):
        return "It has no value, so it says nothing."
    if key == "content-length" and value.isascii() and value.isdigit() and len(value) <= 18:
        if status and method == "HEAD":
            return f"GET would have {int(value):,} bytes of content; HEAD has none."
        if status == 304:
            return f"The whole would have {int(value):,} bytes of content; 304 has none."
        if status == 204 or 0 < status < 200:
            return f"Against the rules: {status} has no content, and so no length."
    if key == "strict-transport-security" and status and scheme == "http":
        return "Over http a browser ignores this: anybody could have written it."
    if key == "location" and status == 201 and len(value) <= 60:
        return f"The new thing is at {value}."
    if key == "location" and status and status // 100 != 3 and status != 201:
        return f"With {status} it sends nobody anywhere."
    return ""
