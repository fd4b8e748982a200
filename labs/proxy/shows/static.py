"""Static files beside a catch-all rule: eight ways to write it for Apache, four for nginx, and who answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from labctl.capabilities.tools import tool
from labctl.errors import CannotRun
from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_routes import Rule
from labctl.sandbox.proxy_street import Street
from labctl.sandbox.site import SiteAnswer, SiteRequest, text
from labctl.serving.apache import apache_version, stand_apache
from labctl.serving.asking import ask
from labctl.serving.folders import Folder
from labctl.serving.nginx import nginx_version, stand_nginx
from labs.proxy.arguments import With
from labs.proxy.claims import CATCH_ALL, TRAVERSAL
from labs.proxy.front import other_fronts
from labs.proxy.real import expect
from labs.proxy.way import street_of
from labs.telling import command, note, opening, result, table, warning

_FILE, _ABOVE = "/static/app.css", "/static../secret.txt"
CSS, SECRET = "body { color: teal }\n", "the database's address\n"
FILE, APP, LEAKED, SILENCE = "the file", "the app", "the secret", "no answer"
_ALIAS = Rule("alias", "/static", "FOLDER/static")
_ALL = Rule("pass", "/", "app")
_NOT = Rule("except", "/static")


class Case(NamedTuple):
    """A way to write it: in short, as its lines (APP is the app's address), and as rules of the embedded proxy."""

    title: str
    lines: tuple[str, ...]
    rules: tuple[Rule, ...]
    path: str = _FILE


_ALIAS_LINE, _ALL_LINE, _NOT_LINE = (
    "Alias /static FOLDER/static",
    "ProxyPass / http://APP/",
    "ProxyPass /static !",
)
APACHE = (
    Case("Alias, then ProxyPass /", (_ALIAS_LINE, _ALL_LINE), (_ALIAS, _ALL)),
    Case("ProxyPass /, then Alias", (_ALL_LINE, _ALIAS_LINE), (_ALL, _ALIAS)),
    Case("ProxyPass /static !, then ProxyPass /", (_NOT_LINE, _ALL_LINE, _ALIAS_LINE), (_NOT, _ALL, _ALIAS)),
    Case("ProxyPass /, then ProxyPass /static !", (_ALL_LINE, _NOT_LINE, _ALIAS_LINE), (_ALL, _NOT, _ALIAS)),
    Case(
        "<Location /static> with ProxyPass !",
        (_ALL_LINE, "<Location /static>", "ProxyPass !", "</Location>", _ALIAS_LINE),
        (_ALL, _NOT._replace(in_location=True), _ALIAS),
    ),
    Case(
        "SetEnvIf ... no-proxy for /static/",
        ("SetEnvIf Request_URI ^/static/ no-proxy", _ALL_LINE, _ALIAS_LINE),
        (_NOT._replace(in_location=True), _ALL, _ALIAS),
    ),
    Case(
        "<Location /> with ProxyPass, and Alias",
        ("<Location />", "ProxyPass http://APP/", "</Location>", _ALIAS_LINE),
        (_ALL._replace(in_location=True), _ALIAS),
    ),
    Case(
        "RewriteRule ... [P], and Alias",
        ("RewriteEngine On", "RewriteRule ^/(.*)$ http://APP/$1 [P]", _ALIAS_LINE),
        (_ALL, _ALIAS),
    ),
)
_SLASH = Rule("alias", "/static/", "FOLDER/static/")
_BARE = Rule("alias", "/static", "FOLDER/static/")
_ALL_NGINX = "location / { proxy_pass http://APP; }"
_SLASH_NGINX, _BARE_NGINX = (
    f"location {path} {{ alias FOLDER/static/; }}" for path in ("/static/", "/static")
)
NGINX = (
    Case("/static/, then /", (_SLASH_NGINX, _ALL_NGINX), (_SLASH, _ALL)),
    Case("/, then /static/", (_ALL_NGINX, _SLASH_NGINX), (_ALL, _SLASH)),
    Case("/static (no slash)", (_BARE_NGINX, _ALL_NGINX), (_BARE, _ALL), _ABOVE),
    Case("/static/ (slash)", (_SLASH_NGINX, _ALL_NGINX), (_SLASH, _ALL), _ABOVE),
)
_CASES: Mapping[str, tuple[Case, ...]] = {"apache": APACHE, "nginx": NGINX}
_NAMES = {"apache": "Apache", "nginx": "nginx"}
Server = Literal["apache", "nginx"]


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Raises CannotRun when a proxy cannot stand."""
    yield opening("the file, or the app?", "rules of two modules")
    servers: tuple[Server, ...] = ("apache", "nginx")
    if with_ != "embedded":
        servers = (with_,)
        expect(with_)
    answers: dict[str, dict[str, list[str]]] = {}
    broken: list[str] = []
    with contextlib.ExitStack() as stack:
        street = stack.enter_context(street_of(internet))
        folder = stack.enter_context(Folder())
        _write_files(folder)
        app = street.app(_app)
        for server in servers:
            columns = answers[server] = {}
            if with_ == "embedded":
                columns["labctl's own"] = [
                    _by_own(street, case, server, folder, app) for case in _CASES[server]
                ]
            # A fault is in the embedded proxy: a real one has none.
            if with_ != "embedded" or (
                not internet.fault and tool("apache2" if server == "apache" else server).have
            ):
                try:
                    name = apache_version() if server == "apache" else nginx_version()
                    columns[name] = [_by_real(case, server, folder, app) for case in _CASES[server]]
                except CannotRun as problem:
                    # Beside labctl's own it is a second witness; asked for by name it is the only one.
                    if with_ != "embedded":
                        raise
                    broken.append(problem.headline)
    for name, found in answers.items():
        yield _table(name, found)
    if with_ == "embedded" and not internet.fault:
        for headline in broken:
            yield warning(f"The real one was not asked: {headline}.")
        missing = [_NAMES[server] for server, columns in answers.items() if len(columns) < 2]
        if missing and not broken:
            yield note(f"{' and '.join(missing)} would be asked too, but this machine has none.")
    yield from _judged(answers)
    yield result(
        "Apache: ProxyPass /static ! above ProxyPass /. nginx: a slash at the end of both, location and alias."
    )
    yield command("by hand", "grep -rnE 'ProxyPass|Alias' /etc/apache2", "which of them do you have?")
    yield command(
        "next", "labctl proxy --config FILE --path /static/app.css", "who takes it in your own configuration"
    )
    if with_ != "embedded":
        yield from other_fronts(with_, "static")


def _write_files(folder: Path) -> None:
    """Apache drops root's rights: everybody may read them."""
    (folder / "static").mkdir()
    (folder / "static" / "app.css").write_text(CSS)
    (folder / "secret.txt").write_text(SECRET)
    folder.chmod(0o755)
    (folder / "static").chmod(0o755)


def _app(request: SiteRequest) -> SiteAnswer:
    return text(404, f"The app has nothing at {request.path}.")


def _by_own(street: Street, case: Case, server: Server, folder: Path, app: tuple[str, int]) -> str:
    rules = tuple(rule._replace(to=rule.to.replace("FOLDER", str(folder))) for rule in case.rules)
    where, _ = street.proxy(Configuration(f"{server}-default", rules), {"app": [app]})
    return _who(where, case.path)


def _by_real(case: Case, server: Server, folder: Path, app: tuple[str, int]) -> str:
    lines = [line.replace("FOLDER", str(folder)).replace("APP", f"{app[0]}:{app[1]}") for line in case.lines]
    if server == "nginx":
        text_ = "\n".join(["server {", "listen LISTEN;", *lines, "}", ""])
        with stand_nginx(text_) as proxy:
            return _who(proxy.address, case.path)
    granted = [f'<Directory "{folder}">', "Require all granted", "</Directory>"]
    with stand_apache("\n".join(["ProxyRequests Off", *granted, *lines, ""])) as proxy:
        return _who(proxy.address, case.path)


def _who(where: tuple[str, int], path: str) -> str:
    """Who answers this path, as the content says."""
    answer = ask(where, path)
    if answer.text == CSS:
        return FILE
    if answer.text == SECRET:
        return LEAKED
    if not answer.status:
        return SILENCE
    return APP if answer.text.startswith("The app") else f"nobody ({answer.status})"


def _table(server: str, columns: Mapping[str, list[str]]) -> Event:
    rows = []
    for at, case in enumerate(_CASES[server]):
        said = [answers[at] for answers in columns.values()]
        lines = "; ".join(case.lines).replace(";;", ";")
        hues: list[Hue] = ["", "mute"]
        hues += ["ok" if each == FILE or (case.path != _FILE and each == APP) else "bad" for each in said]
        told = "; ".join(f"{name}: {each}" for name, each in zip(columns, said, strict=True))
        rows.append(Row(f"{lines}. {case.path}. {told}.", (case.title, case.path, *said), hues=tuple(hues)))
    if server == "nginx":
        title = "nginx: location / goes to the app, and these to a folder"
        return table("static.nginx", title, ("location", "asked for", *columns), rows)
    rows = [Row(row.text, (row.cells[0], *row.cells[2:]), hues=(row.hues[0], *row.hues[2:])) for row in rows]
    return table("static.apache", f"Apache: who answers {_FILE}", ("lines", *columns), rows)


def _judged(answers: Mapping[str, Mapping[str, list[str]]]) -> Iterator[Event]:
    silent = [name for columns in answers.values() for name, found in columns.items() if SILENCE in found]
    if silent:
        for claim in (CATCH_ALL, TRAVERSAL):
            yield claim.not_seen(f"{silent[0]} gave no answer to some requests.")
        return
    if "apache" in answers:
        columns = answers["apache"]
        said = "; ".join(
            f"{name}: Alias first {found[0]}, ProxyPass first {found[1]}, with ProxyPass /static ! above it {found[2]}"
            for name, found in columns.items()
        )
        yield CATCH_ALL.judged(all(found[:3] == [APP, APP, FILE] for found in columns.values()), f"{said}.")
    if "nginx" in answers:
        columns = answers["nginx"]
        said = "; ".join(
            f"{name}: /static../secret.txt is {found[2]} without the slash, and {found[3]} with it"
            for name, found in columns.items()
        )
        yield TRAVERSAL.judged(all(found[2:] == [LEAKED, APP] for found in columns.values()), f"{said}.")
