"""`labctl sandbox edge` in front of a real nginx and a real Apache, with curl as its client."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from chromium import chromium
from free_ports import child, closed_port
from needed import need

from labctl.live import LiveInternet
from labctl.protocols.url import parse_url
from labs.cache.browser import Browser
from labs.cache.network import Network

BIG = 50_000_000
# Style sheets, each with its own Cache-Control; the last has none.
LINKED = ("style.css", "immutable.css", "never.css", "edge-only.css", "plain.css")
STYLE = "body { color: black }\n" * 200


class Response(NamedTuple):
    status: int
    fields: dict[str, str]
    body: bytes


class Proxy:
    """A running `labctl sandbox edge --jsonl`."""

    def __init__(self, upstream: str, *options: str) -> None:
        command = [sys.executable, "-m", "labctl", "sandbox", "edge", "--upstream", upstream]
        self.process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "--jsonl", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started = self.line()
        self.url = f"http://127.0.0.1:{self.started['port']}"

    def line(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        assert text, self.process.stderr and self.process.stderr.read()
        document: dict[str, Any] = json.loads(text)
        return document

    def most_memory(self) -> int:
        """Bytes that it has used at most so far."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

    def stop(self, by: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End it. Returns its exit code, and what it printed on stderr."""
        self.process.send_signal(by)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@pytest.fixture
def proxied() -> Iterator[Callable[..., Proxy]]:
    """Starts an edge in front of an origin; each ends with 0 and says nothing on stderr."""
    made: list[Proxy] = []

    def start(upstream: str, *options: str) -> Proxy:
        made.append(Proxy(upstream, *options))
        return made[-1]

    yield start
    for proxy in made:
        if proxy.process.returncode is None:
            assert proxy.stop() == (0, "")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that a server's own user can read too."""
    path = Path(tempfile.mkdtemp(prefix="labctl-edge-"))
    path.chmod(0o755)
    site = path / "site"
    site.mkdir()
    (site / "style.css").write_text(STYLE)
    (site / "page.html").write_text("<p>Hello.</p>\n")
    for name in LINKED[1:]:
        (site / name).write_text(STYLE)
        os.utime(site / name, (0, 0))  # so old that a browser may guess how long it stays
    links = "".join(f'<link rel="stylesheet" href="/{name}">' for name in LINKED)
    (site / "links.html").write_text(f"<!doctype html><title>Links</title>{links}")
    with (site / "big.bin").open("wb") as file:
        for number in range(BIG // 1000):
            file.write(number.to_bytes(4, "big") * 250)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def nginx(folder: Path) -> Iterator[str]:
    program = need("nginx")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )

    def command(port: int) -> list[str]:
        (folder / "nginx.conf").write_text(
            f"""{"user root;" if os.geteuid() == 0 else ""}
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors; events {{}}
http {{
  access_log off; {temporary}
  types {{ text/css css; text/html html; }}
  gzip on; gzip_proxied any; gzip_types text/css; gzip_vary on; gzip_min_length 100;
  server {{
    listen 127.0.0.1:{port}; root {folder}/site;
    location /style.css {{ add_header Cache-Control "max-age=600"; }}
    location /page.html {{ add_header Cache-Control "no-cache"; }}
    location /immutable.css {{ add_header Cache-Control "max-age=31536000, immutable"; }}
    location /never.css {{ add_header Cache-Control "no-store"; }}
    location /edge-only.css {{ add_header Cache-Control "s-maxage=600"; }}
  }}
}}"""
        )
        return [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]

    with child(command, folder / "printed") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def apache(folder: Path) -> Iterator[str]:
    program = need("apache2")
    modules = Path("/usr/lib/apache2/modules")
    if not modules.is_dir():
        pytest.skip("Apache's modules are elsewhere")
    names = ("mpm_event", "authz_core", "mime", "headers", "filter", "deflate")
    loaded = "".join(f"LoadModule {name}_module {modules}/mod_{name}.so\n" for name in names)
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""

    def command(port: int) -> list[str]:
        (folder / "apache.conf").write_text(
            f"""ServerRoot {folder}
ServerName origin.test
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog {folder}/errors
{loaded}{user}DocumentRoot {folder}/site
TypesConfig /dev/null
AddType text/css .css
AddType text/html .html
AddOutputFilterByType DEFLATE text/css
<Directory {folder}/site>
  Require all granted
</Directory>
<Files style.css>
  Header set Cache-Control "max-age=600"
</Files>
<Files page.html>
  Header set Cache-Control "no-cache"
</Files>
<Files immutable.css>
  Header set Cache-Control "max-age=31536000, immutable"
</Files>
<Files never.css>
  Header set Cache-Control "no-store"
</Files>
<Files edge-only.css>
  Header set Cache-Control "s-maxage=600"
</Files>
"""
        )
        return [program, "-D", "FOREGROUND", "-f", str(folder / "apache.conf")]

    with child(command, folder / "printed") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=["nginx", "apache"])
def origin(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


def curl(*arguments: str) -> Response:
    """One request with curl. Returns its final response."""
    out = subprocess.run(
        [need("curl"), "-s", "-i", "--max-time", "60", *arguments], capture_output=True, check=True
    ).stdout
    head, _, body = out.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Response(int(lines[0].split()[1]), fields, body)


def test_a_miss_then_hits_variants_ranges_and_conditions(origin: str, proxied: Callable[..., Proxy]) -> None:
    proxy = proxied(origin)
    url = f"{proxy.url}/style.css"
    first = curl(url)
    assert (first.status, first.body) == (200, STYLE.encode())
    assert "fwd=uri-miss" in first.fields["cache-status"]
    second = curl(url)
    assert second.body == first.body
    assert "; hit; " in second.fields["cache-status"]
    assert int(second.fields["age"]) >= 0
    zipped = curl(url, "-H", "Accept-Encoding: gzip")
    assert "fwd=vary-miss" in zipped.fields["cache-status"]
    assert gzip.decompress(zipped.body) == first.body
    again = curl(url, "-H", "Accept-Encoding: gzip")
    assert again.body == zipped.body
    assert "; hit; " in again.fields["cache-status"]
    part = curl(url, "-r", "5-9")
    assert (part.status, part.body) == (206, STYLE.encode()[5:10])
    held = curl(url, "-H", f"If-None-Match: {first.fields['etag']}")
    assert (held.status, held.body) == (304, b"")
    head = curl(url, "-I")
    assert head.fields["content-length"] == str(len(STYLE))
    assert [proxy.line()["word"] for _ in range(7)] == ["MISS", "HIT", "MISS", "HIT", "HIT", "HIT", "HIT"]


def test_what_must_be_asked_about_is_revalidated_with_the_origins_own_304(
    origin: str, proxied: Callable[..., Proxy]
) -> None:
    proxy = proxied(origin)
    for _ in range(3):
        assert curl(f"{proxy.url}/page.html").body == b"<p>Hello.</p>\n"
    assert [proxy.line()["word"] for _ in range(3)] == ["MISS", "REVALIDATED", "REVALIDATED"]


def test_50_megabytes_pass_without_being_held_in_memory(
    origin: str, proxied: Callable[..., Proxy], folder: Path
) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")
    proxy = proxied(origin)
    curl(f"{proxy.url}/page.html")
    before = proxy.most_memory()
    target = folder / "got.bin"
    subprocess.run(
        [need("curl"), "-s", "--max-time", "100", "-o", str(target), f"{proxy.url}/big.bin"], check=True
    )
    assert target.read_bytes() == (folder / "site" / "big.bin").read_bytes()
    assert proxy.most_memory() - before < 20_000_000


def test_an_origin_that_is_gone_is_a_502_and_what_may_be_stale_is_still_served(
    nginx: str, proxied: Callable[..., Proxy]
) -> None:
    with closed_port() as port:
        proxy = proxied(f"http://127.0.0.1:{port}")
        gone = curl(f"{proxy.url}/style.css")
    assert gone.status == 502
    assert b"refused the connection." in gone.body


def test_the_lines_are_what_the_schema_says(nginx: str, proxied: Callable[..., Proxy]) -> None:
    import jsonschema

    from labctl.cli.schema import text_of

    proxy = proxied(nginx, "--profile", "cloudflare", "--seed", "3")
    curl(f"{proxy.url}/style.css")
    curl(f"{proxy.url}/page.html")
    curl("-X", "PURGE", f"{proxy.url}/style.css")
    lines = [proxy.started, *(proxy.line() for _ in range(3))]
    schema = json.loads(text_of("edge"))
    for line in lines:
        jsonschema.validate(line, schema)
    assert [line["word"] for line in lines[1:]] == ["MISS", "DYNAMIC", "PURGED"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_polite_kill_end_it_with_0(how: signal.Signals, proxied: Callable[..., Proxy]) -> None:
    proxy = proxied("http://127.0.0.1:9")
    assert proxy.stop(how) == (0, "")


def refused(*options: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "labctl", "sandbox", "edge", *options],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--upstream", "ftp://a.test"), "url-scheme-unknown"),
        (("--upstream", "http://a.test/path"), "edge-upstream-path"),
        (("--upstream", "http://a.test", "--profile", "akamai"), "edge-profile-unknown"),
        (("--upstream", "http://a.test", "--listen", "nowhere:80"), "edge-listen-invalid"),
        (("--upstream", "http://a.test", "--listen", "127.0.0.1:99999"), "edge-listen-invalid"),
        (("--upstream", "http://a.test", "--size", "much"), "edge-size-invalid"),
        ((), "usage"),
    ],
)
def test_a_wrong_command_line_is_exit_2_and_says_why(options: tuple[str, ...], code: str) -> None:
    status, errors = refused(*options)
    assert status == 2
    assert f"error[{code}]" in errors


def test_a_port_that_is_taken_is_exit_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        status, errors = refused("--upstream", "http://a.test", "--listen", where)
    assert status == 3
    assert "error[port-in-use]" in errors


def test_listening_for_others_is_said() -> None:
    proxy = Proxy("http://127.0.0.1:9", "--listen", "0.0.0.0:0")
    status, errors = proxy.stop()
    assert status == 0
    assert "reachable from other machines" in errors


def test_an_output_that_nobody_reads_holds_nothing_up() -> None:
    proxy = Proxy("http://127.0.0.1:9")
    assert proxy.process.stdout is not None
    fcntl.fcntl(proxy.process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    answer = [need("curl"), "-s", "-o", os.devnull, "-m", "20", "-w", "%{http_code} ", f"{proxy.url}/[1-60]"]
    codes = subprocess.run(answer, capture_output=True, text=True, timeout=60, check=False).stdout.split()
    assert codes == ["502"] * 60
    assert proxy.stop() == (0, "")


def test_a_reader_of_its_output_that_is_gone_ends_it() -> None:
    proxy = Proxy("http://127.0.0.1:9")
    assert proxy.process.stdout is not None
    proxy.process.stdout.close()
    for _ in range(2):
        subprocess.run([need("curl"), "-s", "-o", os.devnull, f"{proxy.url}/"], check=False)
    assert proxy.process.wait(30) in (0, 141, -signal.SIGPIPE)
    assert proxy.process.stderr is not None
    assert "Traceback" not in proxy.process.stderr.read()
    proxy.process.stderr.close()


@pytest.mark.parametrize("profile", ["rfc9111", "cloudflare"])
def test_a_browser_before_the_edge_before_the_origin_keeps_what_we_say_it_keeps(
    origin: str, proxied: Callable[..., Proxy], profile: str, tmp_path: Path
) -> None:
    proxy = proxied(origin, "--profile", profile)
    port = int(proxy.started["port"])
    with LiveInternet() as internet, Network(internet) as network:
        ours = Browser(network.ask, internet.date)
        urls = {name: parse_url(f"{proxy.url}/{name}") for name in LINKED}
        predicted = {name: [ours.load(url), ours.load(url)][1].over is None for name, url in urls.items()}
    with chromium(need("chromium"), tmp_path, {"site.test": port}) as browser:
        browser.visit("http://site.test/links.html")
        browser.new_tab()
        loaded = browser.visit("http://site.test/links.html")
    seen = {name: next(one.from_cache for one in loaded if one.url.endswith(name)) for name in LINKED}
    assert seen == predicted
    # And it is no table of one word.
    assert predicted["style.css"]
    assert predicted["immutable.css"]
    assert not predicted["never.css"]
