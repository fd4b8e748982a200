"""`--config` for Apache: its rules in a table, or who takes a path; then the traps, and what was not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.events import Event, Row
from labctl.protocols.apache_answering import answer
from labctl.protocols.apache_checking import refuse
from labctl.protocols.apache_grammar import Directive, Reading, parse
from labctl.protocols.apache_hosts import usual_request
from labctl.protocols.apache_scopes import Configuration, Host
from labctl.protocols.apache_trap_words import APACHE_TRAPS
from labctl.protocols.apache_traps import apache_traps
from labctl.protocols.apache_words import MATTERS, READ
from labctl.protocols.proxy_fix import apache_counted
from labs.proxy.config_asking import Asked
from labs.proxy.config_file import Source, template_marks
from labs.proxy.config_includes import Disk, Includes
from labs.proxy.config_told import LIES, all_asked, title, told_end, told_found, told_includes
from labs.proxy.config_traps import FailOn, Found, cell_of
from labs.telling import note, opening, table, warning
from labs.words import count, listed

_TRANSLATING = (
    *("rewriterule", "proxypass", "proxypassmatch", "redirect", "redirectmatch", "redirectpermanent"),
    *("redirecttemp", "alias", "aliasmatch", "scriptalias", "scriptaliasmatch", "wsgiscriptalias"),
    "documentroot",
)
_WHEN = {
    "rewriterule": "1 rewrite",
    "proxypass": "2 proxy",
    "proxypassmatch": "2 proxy",
    "documentroot": "4 files",
}


def told(source: Source, asked: Sequence[Asked], fail_on: FailOn | None = None) -> Iterator[Event]:
    """The events. Raises ConfigError."""
    includes = Includes(source.name, "apache")
    reading = Reading(includes)
    directives = parse(source.text, reading)
    refuse(directives)
    configuration = Configuration(directives, reading)
    passes = sum(1 for host in (configuration.main, *configuration.hosts) for _ in _rules_of(host))
    hosts = count(len(configuration.hosts), "VirtualHost")
    summary = f"Apache, {hosts}, {count(passes, 'rule')}"
    yield opening(title(source, summary), summary)
    yield from told_includes(includes, "Apache")
    # Debian's envvars has APACHE_LOG_DIR and the like.
    undefined = {name: place for name, place in reversed(reading.undefined) if not name.startswith("APACHE_")}
    if undefined:
        names = listed([f"${{{name}}} ({place})" for name, place in reversed(undefined.items())])
        verb = (
            "is defined nowhere here and stays"
            if len(undefined) == 1
            else "are defined nowhere here and stay"
        )
        yield warning(f"{names} {verb} as written; Apache takes such names from its environment too.")
    if marks := template_marks(source.text):
        number, mark = marks[0]
        yield warning(
            f"The file is a template: {mark} at line {number} is taken as a word. Give what is made out of it."
        )
    for section in (each for each in reading.skipped if _decides(each)):
        yield warning(f"{section} at {section.place} does not hold here: what stands in it was left out.")
    disk, usual = Disk(), usual_request(configuration)
    if not asked and passes:
        yield _rules(configuration)
    elif not asked:
        yield note("No line of the file gives a path to somebody.")
    answers = all_asked(asked, usual, lambda request: answer(configuration, request, disk))
    found = Found("Apache", APACHE_TRAPS, apache_traps(configuration), configuration.unread)
    yield from told_found(
        answers, lambda: apache_counted(configuration, LIES), found, READ | set(MATTERS), fail_on
    )
    yield from told_end(source, asked, "apache2ctl -S", "which VirtualHost takes which name")


def _decides(section: Directive) -> bool:
    """Whether a section holds a line that could change an answer."""
    return any(
        each.key in (*_TRANSLATING, "virtualhost", "location", "requestheader") or _decides(each)
        for each in section.block or ()
    )


def _rules_of(host: Host) -> Iterator[tuple[str, Directive]]:
    """The lines that give paths to somebody, each with the path of its section."""
    for each in host.own(*_TRANSLATING):
        yield "", each
    for section in host.locations:
        for each in section.own(*_TRANSLATING):
            yield section.path, each


def _rules(configuration: Configuration) -> Event:
    rows = []
    for host in (configuration.main, *configuration.hosts):
        rules = sorted(_rules_of(host), key=lambda pair: (_when(pair[1]), not pair[0]))
        if not rules and host is configuration.main:
            continue
        names = " ".join(filter(None, (host.name, *host.aliases))) or host.words
        ports = ", ".join(str(port or "*") for _, port in host.addresses)
        rows.append(
            Row(
                f"{host.words} at {host.place}{f', port {ports}' if ports else ''}.",
                (names, f"port {ports}" if ports else "", "", cell_of(host.place)),
                bold=(0,),
                hues=("accent", "mute", "", "mute"),
            )
        )
        for section, each in rules:
            where = f"<Location {section}> " if section else ""
            rows.append(
                Row(
                    f"{where}{each} at {each.place}: {_when(each)}.",
                    (f"  {section or each.first}", _when(each), f"{where}{each}", cell_of(each.place)),
                    hues=("", "mute", "", "mute"),
                )
            )
    return table(
        "rules",
        "The rules, in the order in which Apache asks them",
        ("path", "when", "rule", "where"),
        rows,
        "mod_rewrite is asked first, then mod_proxy, then mod_alias, then the files, whatever the order of the lines.",
    )


def _when(each: Directive) -> str:
    return _WHEN.get(each.key, "3 alias")
