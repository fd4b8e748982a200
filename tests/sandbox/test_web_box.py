"""The town's web in the box: unmodified programs find it at its real addresses, and believe it or not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from needed import need

from labctl.sandbox.town_sites import WRONG_CERTIFICATES

pytestmark = pytest.mark.usefixtures("needs_box")
Facts = Callable[..., dict[str, Any]]


def shell(script: str) -> str:
    """What the script prints in `labctl shell`."""
    need("curl")
    need("openssl")
    done = subprocess.run(
        [sys.executable, "-m", "labctl", "shell", "--", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if not k.startswith("LABCTL_")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_gets_a_miss_then_a_hit_over_both_versions_and_in_plain() -> None:
    shown = shell(
        "curl -sI https://www.shop.test/style.css\n"
        "curl -sI --http1.1 https://www.shop.test/style.css\n"
        "curl -sI http://cdn.shop.test/style.css\n"
        "curl -s -o /dev/null -w '%{num_redirects} %{url_effective} %{http_code}\\n' -L http://shop.test/gone\n"
        "curl -s -o /dev/null -w '%{http_version} %{size_download}\\n' https://origin.shop.test/size/3000000\n"
        "curl -s --doh-url https://resolver.example.net/dns-query -o /dev/null -w '%{http_code}\\n' "
        "https://www.example.org/\n"
    )
    assert re.findall(r"(?m)^HTTP/(\S+) 200", shown) == ["2", "1.1", "1.1"]
    assert re.findall(r"(?mi)^cf-cache-status: (\w+)", shown) == ["MISS", "HIT"]
    assert "2 https://www.shop.test/gone 410\n2 3000000\n200\n" in shown


def test_openssl_believes_the_good_site_and_refuses_each_wrong_one_for_its_reason() -> None:
    wrong = " ".join(WRONG_CERTIFICATES)
    shown = shell(
        "s() { echo | openssl s_client -connect $1:443 -servername $1 -verify_hostname $1 2>&1 |"
        " grep 'Verify return code' | tail -1; }\n"
        f"s www.shop.test; for kind in {wrong}; do echo $kind; s $kind.tls.test; done"
    )
    found = {}
    kind = "www.shop.test"
    for line in shown.splitlines():
        if "code:" in line:
            found[kind] = line.partition("code: ")[2].partition(" ")[0]
        else:
            kind = line
    assert found == {
        "www.shop.test": "0",
        "expired": "10",
        "not-yet-valid": "9",
        "wrong-name": "62",
        "unknown-issuer": "20",
        "untrusted-root": "19",
        "missing-intermediate": "21",  # the last of its words: "unable to verify the first certificate"
        "self-signed": "18",
        "weak": "66",
        "wrong-purpose": "26",
        "name-in-cn": "0",  # openssl still reads the common name where no subjectAltName is
    }


def test_curl_refuses_what_openssl_refuses_and_is_reset_or_talked_to_in_plain() -> None:
    hosts = " ".join(f"{kind}.tls.test" for kind in (*WRONG_CERTIFICATES, "reset-on-sni", "no-tls", "tls12"))
    shown = shell(f"for host in {hosts}; do curl -s -o /dev/null https://$host/; echo $host $?; done")
    codes = dict(line.split(".tls.test ") for line in shown.splitlines())
    assert codes.pop("name-in-cn") == "0"  # curl with OpenSSL does as openssl does
    assert codes.pop("tls12") == "0"
    assert codes.pop("reset-on-sni") == "35"
    assert codes.pop("no-tls") == "35"
    assert set(codes.values()) == {"60"}, codes


def test_the_wire_makes_the_distance_and_an_edge_goes_its_own_way_to_the_origin(measured: Facts) -> None:
    facts = measured("surfing")
    # Milliseconds: never less than the table says, and the origin's way on top where the edge has to ask it.
    assert facts["connect"] >= 14.0
    assert facts["tls"] >= 14.0
    assert facts["miss"] >= 14.0 + 2 * 30.0  # the edge connects, and asks
    assert 14.0 <= facts["hit"] < facts["miss"]
    assert facts["crashes"] == 0


def test_a_lab_may_listen_at_the_shops_address_while_nobody_dials(measured: Facts) -> None:
    assert measured("listening_as_the_shop")["listened"] is True


def test_a_browser_believes_the_towns_sites_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    need("chromium")
    browser = (
        f"HOME={tmp_path} chromium --headless --no-sandbox --disable-gpu --user-data-dir={tmp_path}/profile"
    )
    shown = shell(
        f"{browser} --dump-dom https://www.example.com/ 2>/dev/null\n"
        f"{browser} --dump-dom https://expired.tls.test/ 2>&1 | grep -o 'ERR_CERT[A-Z_]*' | head -1\n"
    )
    assert "<p>This domain is for use in examples, and in this sandbox.</p>" in shown
    assert shown.splitlines()[-1] == "ERR_CERT_DATE_INVALID"
