"""Ten paths through the same rules in two orders: whole segments and the first match, or a prefix and the longest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_routes import Rule
from labctl.sandbox.proxy_street import Street
from labctl.sandbox.site import SiteAnswer, SiteRequest, text
from labctl.serving.asking import ask
from labs.proxy.arguments import With
from labs.proxy.claims import ORDER, PREFIX
from labs.proxy.front import Front, in_yours, other_fronts, stand_ins
from labs.proxy.real import Apps
from labs.proxy.way import street_of
from labs.telling import about, command, opening, result, table

PATHS = (
    "/",
    "/api",
    "/api/",
    "/api/x",
    "/apifoo",
    "/api/v2",
    "/api/v2/x",
    "/api/v2beta",
    "/API/x",
    "/other/api",
)
_RULES = (Rule("pass", "/api/v2", "v2"), Rule("pass", "/api", "api"), Rule("pass", "/", "root"))
_IMAGES = {
    "/img": (Rule("pass", "/img", "img"), Rule("pass", r"\.png$", "png", how="~"), Rule("pass", "/", "root")),
    "^~ /img": (
        Rule("pass", "/img", "img", how="^~"),
        Rule("pass", r"\.png$", "png", how="~"),
        Rule("pass", "/", "root"),
    ),
}
Found = Mapping[tuple[str, str], Mapping[str, str]]


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Raises CannotRun when a proxy cannot stand."""
    front = Front(with_)
    yield opening("which rule takes a path?", front.name)
    with contextlib.ExitStack() as stack:
        street = stack.enter_context(street_of(internet))
        names = ("root", "api", "v2", "img", "png")
        apps: Apps = {name: [street.app(_says(name))] for name in names}
        found: dict[tuple[str, str], Mapping[str, str]] = {}
        for server in ("nginx", "apache"):
            plain = f"{server}-default"
            for order, rules in (("order A", _RULES), ("order B", _RULES[::-1])):
                found[server, order] = _asked(
                    stack, street, front.for_manners(plain), plain, rules, apps, PATHS
                )
        images = {}
        if front.plays("nginx-default"):
            for title, rules in _IMAGES.items():
                images[title] = _asked(
                    stack, street, front, "nginx-default", rules, apps, ("/img/a.png", "/img/a.txt", "/a.png")
                )
    yield _table(found)
    yield from stand_ins(front)
    yield about("order A", "/api/v2, then /api, then /: the specific first")
    yield about("order B", "/, then /api, then /api/v2: the general first")
    if images:
        yield table(
            "images",
            "nginx with location ~ \\.png$ as well: a regular expression wins, unless the prefix says ^~",
            ("path", *(f"location {title}" for title in images)),
            [
                Row(
                    f"{path}: {'; '.join(f'with location {t} {taken[path]} takes it' for t, taken in images.items())}.",
                    (path, *(taken[path] for taken in images.values())),
                )
                for path in ("/img/a.png", "/img/a.txt", "/a.png")
            ],
        )
    yield from _judged(found)
    yield result("Write /api/ for nginx, and the specific ProxyPass above the general one for Apache.")
    yield in_yours(with_, "grep -n location", "ProxyPass|<Location", "the rules that yours really has")
    yield command("next", "labctl proxy --show static", "rules of two modules")
    yield from other_fronts(with_, "routing")


def _says(name: str) -> Callable[[SiteRequest], SiteAnswer]:
    def answer(request: SiteRequest) -> SiteAnswer:
        return text(200, name)

    return answer


def _asked(
    stack: contextlib.ExitStack,
    street: Street,
    front: Front,
    manners: str,
    rules: Sequence[Rule],
    apps: Apps,
    paths: Sequence[str],
) -> Mapping[str, str]:
    """Which app answers each path, as its answer says."""
    wanted = {rule.to: apps[rule.to] for rule in rules}
    proxy = front.stand(stack, street, Configuration(manners, tuple(rules)), wanted)
    return {path: ask(proxy, path).text.strip() or "nobody" for path in paths}


def _table(found: Found) -> Event:
    titles = {"nginx": "nginx", "apache": "Apache"}
    rows = []
    for path in PATHS:
        taken = [each[path] for each in found.values()]
        said = "; ".join(
            f"{titles[server]}, {order}: {each}" for (server, order), each in zip(found, taken, strict=True)
        )
        differ = len(set(taken)) > 1
        hues: list[Hue] = ["", *("warn" if differ else "" for _ in taken)]
        rows.append(Row(f"{path}. {said}.", (path, *taken), hues=tuple(hues)))
    columns = [f"{titles[server]} {order[-1]}" for server, order in found]
    return table("routing", "Rules for /, /api and /api/v2: which app answers", ("path", *columns), rows)


def _judged(found: Found) -> Iterator[Event]:
    nginx, apache = ([found[server, f"order {order}"] for order in "AB"] for server in ("nginx", "apache"))
    yield PREFIX.judged(
        all(taken["/apifoo"] == "api" for taken in nginx)
        and all(taken["/apifoo"] == "root" for taken in apache),
        f"nginx gave /apifoo to {nginx[0]['/apifoo']}; Apache gave it to {apache[0]['/apifoo']}.",
    )
    deep = "/api/v2/x"
    yield ORDER.judged(
        nginx[0] == nginx[1]
        and (nginx[0][deep], apache[0][deep]) == ("v2", "v2")
        and set(apache[1].values()) == {"root"},
        f"With the long rules first and last, nginx gave {deep} to {nginx[0][deep]} and {nginx[1][deep]}; "
        f"Apache gave it to {apache[0][deep]} and {apache[1][deep]}.",
    )
