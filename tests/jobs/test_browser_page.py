"""The page in a real Chromium, behind a real nginx: whatever is cut, killed or refused, each event is shown once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from chromium import Chromium, chromium
from free_ports import held
from jobs.cutting_relay import CuttingRelay, relayed
from needed import need
from processes import LINUX

from labctl.jobs.access import login_link
from labctl.jobs.service import Service
from labctl.jobs.settings import Settings
from labctl.serving.nginx import stand_nginx

pytestmark = LINUX

STEPS = 90
STEP_S = 0.1
# nginx's own defaults, buffering too: the service says itself that it must not be buffered.
PASS_ON = """
server {{
    listen LISTEN;
    location / {{
        proxy_pass http://127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
    }}
}}
"""
# Before the page's own scripts: which EventSources it makes, and the readyState at each error.
WATCH = """
globalThis.made = [];
globalThis.failed = [];
globalThis.EventSource = class extends EventSource {
  constructor(...given) {
    super(...given);
    made.push(this.url);
    this.addEventListener("error", () => failed.push(this.readyState));
  }
};
"""
SUBMIT = """(() => {
  const form = document.getElementById("submit");
  form.elements.steps.value = %d;
  form.elements.step_s.value = %g;
  form.requestSubmit();
})()"""
DONE = """document.querySelector(".job")?.dataset.status === "done"
  && document.getElementById("connection").textContent === "Nothing to follow" """
SHOWN = "[...document.querySelectorAll('.events li')].map(row => row.firstElementChild.textContent)"


class Street(NamedTuple):
    """Browser, nginx, relay, service: in this order."""

    browser: Chromium
    relay: CuttingRelay
    service: Service
    url: str

    def shown(self) -> list[str]:
        """The ids of the events on the page."""
        found: list[str] = self.browser.evaluate(SHOWN)
        return found

    def wait_for_more(self) -> None:
        """Until the page shows two events that it does not show now."""
        self.browser.wait_until(f"{SHOWN}.length >= {len(self.shown()) + 2}")

    def value(self, expression: str) -> Any:
        return self.browser.evaluate(expression)


@pytest.fixture(scope="module")
def street() -> Iterator[Street]:
    need("nginx")
    program = need("chromium")
    with (
        tempfile.TemporaryDirectory(prefix="labctl-page-") as kept,
        tempfile.TemporaryDirectory(prefix="labctl-profile-") as profile,
        held() as front,
        held() as middle,
    ):
        folder = Path(kept)
        settings = Settings(
            f"sqlite:///{folder}/jobs.db", str(folder), retry_ms=100, hosts=(f"127.0.0.1:{front}",)
        )
        with Service(settings, workers=1) as service:
            service.wait_ready(60)
            there = urlsplit(service.url)
            assert there.hostname
            assert there.port
            with (
                relayed(middle, (there.hostname, there.port)) as relay,
                stand_nginx(PASS_ON.format(port=middle), port=front),
                chromium(program, Path(profile), {"127.0.0.1": 0}) as browser,
            ):
                browser.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
                yield Street(browser, relay, service, f"http://127.0.0.1:{front}")


def test_the_page_shows_each_event_once_through_a_cut_a_restart_and_a_502(street: Street) -> None:
    street.browser.visit(login_link(Path(street.service.settings.folder), street.url, "ann"))
    street.value(SUBMIT % (STEPS, STEP_S))
    street.wait_for_more()

    street.relay.cut()
    street.browser.wait_until("failed.length === 1")
    street.wait_for_more()
    # The browser came back by itself.
    assert street.value("[made.length, failed[0]]") == [1, 0]

    street.service.kill("server")
    street.browser.wait_until("failed.length >= 2")
    street.wait_for_more()

    made = street.value("made.length")
    street.relay.stop()
    street.browser.wait_until("failed.at(-1) === 2")
    street.relay.start()
    street.wait_for_more()
    # nginx said 502, and the browser gave up: the page made another one, which begins after the last event.
    assert street.value("made.length") > made
    assert "last_event_id=" in street.value("made.at(-1)")

    street.browser.wait_until(DONE)
    shown = street.shown()
    assert shown == [str(number) for number in range(len(shown))]
    # started, progress at each step, done
    assert len(shown) == STEPS + 2
    requests = street.value("made.length")
    street.value("fetch('/healthz').then(() => 0)")
    assert street.value("made.length") == requests


def test_the_page_follows_streams_that_another_port_serves(tmp_path: Path) -> None:
    program = need("chromium")
    with tempfile.TemporaryDirectory(prefix="labctl-page-") as folder:
        settings = Settings(f"sqlite:///{folder}/jobs.db", folder)
        with (
            Service(settings, workers=1, stream_server=True) as service,
            chromium(program, tmp_path, {"127.0.0.1": 0}) as browser,
        ):
            service.wait_ready(60)
            browser.visit(login_link(Path(folder), service.url, "ann"))
            browser.evaluate(SUBMIT % (5, 0.05))
            browser.wait_until(DONE)
            assert browser.evaluate(SHOWN) == [str(number) for number in range(7)]
