"""The sandbox's sites: how long until they all stand, and what one of them serves over TLS, on loopback."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Everything is imported first; then the listeners of all addresses, certificates, handlers and edges are made.
_UP = """
import time
import h2.connection, trustme
import labctl.sandbox.edge, labctl.sandbox.site_api, labctl.sandbox.site_example, labctl.sandbox.site_shop
import labctl.sandbox.site_misbehaving, labctl.sandbox.web
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town import healthy_town
begun = time.perf_counter()
with LoopbackInternet(healthy_town()) as internet:
    web = internet.web()
    for address in web.addresses:
        for port in (80, 443):
            try:
                web.reach(address, port)
            except KeyError:
                pass
    web.warm_up()
    print(1000 * (time.perf_counter() - begun))
"""
HOST = "api.shop.test"


def up_ms(times: int = 7) -> float:
    """Median milliseconds after the imports, each in a process of its own."""
    took = []
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, "-c", _UP], cwd=ROOT, capture_output=True, text=True, check=True
        )
        took.append(float(done.stdout))
    return statistics.median(took)


def requests_per_second(*, http2: bool, count: int = 1000) -> float:
    """Small responses one after the other on one connection; httpx is the client, in the same process."""
    import httpx

    from labctl.sandbox.loopback import LoopbackInternet
    from labctl.sandbox.town import healthy_town

    with LoopbackInternet(healthy_town(), latency=False) as internet:
        site = internet.web().town.site(HOST)
        assert site is not None
        internet.web().warm_up(site.addresses[0])
        address, port = internet.web().reach(site.addresses[0], 443)
        verify = internet.client_tls()
        with httpx.Client(verify=verify, http2=http2, trust_env=False) as session:
            begun = time.perf_counter()
            for _ in range(count):
                session.get(
                    f"https://{address}:{port}/",
                    headers={"Host": HOST},
                    extensions={"sni_hostname": HOST},
                )
            return count / (time.perf_counter() - begun)


def report() -> Iterator[tuple[str, str, str]]:
    """What, measured, goal."""
    yield "all sites stand, after imports", f"{up_ms():.0f} ms", "300 ms"
    for http2, name in ((False, "HTTP/1.1"), (True, "HTTP/2")):
        yield f"a site over TLS and {name}, asked by httpx", f"{requests_per_second(http2=http2):.0f}/s", ""


if __name__ == "__main__":
    for line in report():
        print(*line, sep=" | ")
