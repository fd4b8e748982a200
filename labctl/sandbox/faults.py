"""Faults: named changes of the town, each of which makes one sentence of a lesson come out false."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple

from labctl.errors import UsageError
from labctl.sandbox.cache_faults import CACHE_FAULTS
from labctl.sandbox.flask_faults import FLASK_FAULTS
from labctl.sandbox.http_faults import HTTP_FAULTS
from labctl.sandbox.jobs_faults import JOBS_FAULTS
from labctl.sandbox.proxy_faults import PROXY_FAULTS
from labctl.sandbox.tcp_faults import TCP_FAULTS
from labctl.sandbox.tls_faults import TLS_FAULTS
from labctl.sandbox.town import TcpManners, Town, ZoneFile, healthy_town
from labctl.sandbox.url_faults import URL_FAULTS
from labctl.sandbox.web_fault import WebFault
from labctl.sandbox.workers_faults import WORKERS_FAULTS
from labctl.sandbox.wsgi_faults import WSGI_FAULTS


class Fault(NamedTuple):
    """`sentence` says what is different; `apply` makes it so."""

    name: str
    sentence: str
    apply: Callable[[Town], Town]


def _root_knows_it_all(town: Town) -> Town:
    roots = town.zone(".").servers
    zones = tuple(z if roots[0] in z.servers else z._replace(servers=z.servers + roots) for z in town.zones)
    return town._replace(zones=zones)


def _authoritative(**manners: bool) -> Callable[[Town], Town]:
    return lambda town: town._replace(authoritative=town.authoritative._replace(**manners))


def _recursive(**manners: bool) -> Callable[[Town], Town]:
    return lambda town: town._replace(recursive=town.recursive._replace(**manners))


def _tcp(manners: TcpManners) -> Callable[[Town], Town]:
    return lambda town: town._replace(tcp=manners)


def _web(fault: WebFault) -> Callable[[Town], Town]:
    def apply(town: Town) -> Town:
        changed = town if fault.apply is None else fault.apply(town)
        return changed._replace(web=changed.web | frozenset(fault.habits))

    return apply


def _without(zone: str, *owners_and_types: str) -> Callable[[Town], Town]:
    """Leave out the records whose line begins with an owner and, anywhere behind it, holds the type."""

    def keep(line: str) -> str | None:
        for wanted in owners_and_types:
            owner, kind = wanted.split()
            if line.startswith(f"{owner} ") and f" IN {kind} " in line:
                return None
        return line

    return lambda town: town.with_records(zone, keep)


def _instead(zone: str, old: str, *new: str) -> Callable[[Town], Town]:
    """Put other lines in the place of one that begins with `old`."""

    def change(file: ZoneFile) -> ZoneFile:
        kept = tuple(line for line in file.records if not line.startswith(old))
        if len(kept) == len(file.records):
            raise LookupError(f"{zone} has no record that begins with {old!r}")
        return file._replace(records=kept + new)

    return lambda town: town.with_zone(zone, change)


def _dns_before_files(town: Town) -> Town:
    return town._replace(host_files=town.host_files._replace(nsswitch="hosts: dns files\n"))


def _wrong_ds(town: Town) -> Town:
    return town._replace(ds_keys={**town.ds_keys, "shop.test.": "a key that shop.test. does not have"})


def _stale_secondary(town: Town) -> Town:
    """The second server missed the last change: it has the serial and the address from before."""
    first, second = town.zone("shop.test.").servers
    old = town.zone("shop.test.")
    stale = tuple(
        line.replace(" 2026112001 ", " 2026101501 ").replace(
            "www.shop.test. 300 IN A 203.0.113.10", "www.shop.test. 300 IN A 203.0.113.9"
        )
        for line in old.records
    )
    fresh = town.with_zone("shop.test.", lambda zone: zone._replace(servers=(first,)))
    return fresh._replace(zones=(*fresh.zones, old._replace(records=stale, servers=(second,))))


def _zone_change(zone: str, change: Callable[[ZoneFile], ZoneFile]) -> Callable[[Town], Town]:
    return lambda town: town.with_zone(zone, change)


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault(
            "root-knows-it-all",
            "The root servers hold every zone and answer the last question themselves.",
            _root_knows_it_all,
        ),
        Fault(
            "servers-recurse",
            "Authoritative servers say that they offer recursion (RA is set).",
            _authoritative(says_recursion_available=True),
        ),
        Fault(
            "resolver-forgets",
            "The recursive resolver keeps no answer and walks for every question.",
            _recursive(keeps_answers=False),
        ),
        Fault(
            "ttl-stands-still",
            "The recursive resolver hands out the TTL that it was given, however old the answer is.",
            _recursive(counts_down=False),
        ),
        Fault(
            "no-is-forgotten",
            "The recursive resolver does not remember that something does not exist.",
            _recursive(keeps_denials=False),
        ),
        Fault(
            "nodata-says-nxdomain",
            "A name that exists without the asked type is said not to exist.",
            _authoritative(nodata_is_nxdomain=True),
        ),
        Fault(
            "cache-claims-authority",
            "The recursive resolver sets AA on answers out of its cache.",
            _recursive(claims_authority=True),
        ),
        Fault(
            "cname-at-apex",
            "The apex of shop.test answers with a CNAME, whatever is asked.",
            _zone_change("shop.test.", lambda zone: zone._replace(apex_alias="www.front.test.")),
        ),
        Fault(
            "dns-before-files",
            "The machine asks the DNS before it looks into its hosts file.",
            _dns_before_files,
        ),
        Fault(
            "no-glue",
            "test. refers to shop.test without the addresses of its name servers.",
            _without("test.", *(f"{n}.shop.test. {t}" for n in ("ns1", "ns2") for t in ("A", "AAAA"))),
        ),
        Fault(
            "wrong-ds",
            "The DS record of shop.test does not match its key.",
            _wrong_ds,
        ),
        Fault(
            "no-truncation",
            "Servers send the whole answer over UDP, whatever size the asker allowed.",
            _authoritative(truncates=False),
        ),
        Fault(
            "ptr-mirrors-a",
            "The reverse name of 203.0.113.10 leads back to www.shop.test.",
            _instead(
                "113.0.203.in-addr.arpa.",
                "10.113.0.203.in-addr.arpa. ",
                "10.113.0.203.in-addr.arpa. 3600 IN PTR www.shop.test.",
            ),
        ),
        Fault(
            "origin-in-dns",
            "www.front.test gives the address of the origin instead of the CDN's.",
            _instead("front.test.", "www.front.test. 300 IN A ", "www.front.test. 300 IN A 203.0.113.80"),
        ),
        Fault(
            "wildcard-over-all",
            "The wildcard also answers for sub.wild.shop.test, which exists without records.",
            _authoritative(wildcard_covers_all=True),
        ),
        Fault(
            "referral-with-authority",
            "A parent sets AA when it refers to a child's servers, as if its copy were the original.",
            _authoritative(refers_with_authority=True),
        ),
        Fault(
            "stale-secondary",
            "The second server of shop.test still has the zone from before the last change.",
            _stale_secondary,
        ),
        Fault(
            "minimised-refused",
            "Servers refuse questions for exactly the name of a zone that they delegate.",
            _authoritative(refuses_cut_names=True),
        ),
        Fault(
            "signatures-never-expire",
            "The signatures of expired.test are good for 20 years.",
            _zone_change("expired.test.", lambda zone: zone._replace(signing="lasting")),
        ),
        Fault(
            "no-ds-unproven",
            "test. never proves that unsigned.test has no DS, neither when it refers nor when asked.",
            _zone_change("test.", lambda zone: zone._replace(unproven=frozenset({"unsigned.test."}))),
        ),
        Fault(
            "alias-flattened",
            "alias.shop.test is an alias, and gives an address of its own as well.",
            _zone_change(
                "shop.test.", lambda zone: zone._replace(flattened={"alias.shop.test.": "203.0.113.40"})
            ),
        ),
        *(Fault(name, sentence, _tcp(manners)) for name, sentence, manners in TCP_FAULTS),
        *(
            Fault(fault.name, fault.sentence, _web(fault))
            for faults in (
                *(TLS_FAULTS, HTTP_FAULTS, PROXY_FAULTS, WSGI_FAULTS),
                *(FLASK_FAULTS, WORKERS_FAULTS, JOBS_FAULTS, CACHE_FAULTS, URL_FAULTS),
            )
            for fault in faults
        ),
    )
}


def town_under(fault: str) -> Town:
    """The healthy town (""), or the one with this fault. Raises UsageError `fault-unknown`."""
    if not fault:
        return healthy_town()
    if fault not in FAULTS:
        close = get_close_matches(fault, FAULTS, n=1)
        raise UsageError(
            "fault-unknown",
            f"the sandbox knows no fault called {fault}" + (f"; did you mean {close[0]}?" if close else ""),
        )
    return FAULTS[fault].apply(healthy_town())
