"""One request of `labctl sandbox edge` as a person reads it: one line, which goes on under itself where it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.cli.page import Page
    from labctl.sandbox.edge_exchange import EdgeDecision

_HUES = {
    "HIT": "ok bold",
    "REVALIDATED": "ok",
    "UPDATING": "ok",
    "STALE": "warn",
    "MISS": "accent",
    "EXPIRED": "accent",
    "BYPASS": "mute",
    "DYNAMIC": "mute",
    "NONE": "bad",
}
_LONGEST = 48
# Where a second line of a request begins.
_INDENT = 11


def line_of(decision: EdgeDecision, page: Page, columns: int) -> str:
    """Method, target, status, word, why and the rule, in lines of at most `columns` cells; 0: in one line."""
    longest = max(24, min(_LONGEST, columns - 46)) if columns else _LONGEST
    target = decision.url.partition("://")[2].partition("/")
    shown = f"{target[1]}{target[2]}" or decision.url
    shown = "".join(c if c.isprintable() else "?" for c in shown)
    if len(shown) > longest:
        shown = shown[: longest - 3] + "..."
    age = f", age {decision.age:.0f} s" if decision.age is not None else ""
    word = page.paint(decision.word.ljust(11), _HUES.get(decision.word, ""))
    because = "".join(c if c.isprintable() else "?" for c in decision.because) + age
    before = f"  {decision.method[:12]:<6} {shown:<24} {decision.status}  "
    taken = len(before) + len(decision.word.ljust(11)) + 1
    rule = f"({decision.rule})"
    if columns and taken + len(because) + 1 + len(rule) > columns:
        rule = f"({shorter(decision.rule)})"
    lines = broken(because, rule, taken, columns)
    painted = [f"{said} {page.paint(ruled, 'mute')}".strip() for said, ruled in lines]
    return f"{before}{word} " + f"\n{' ' * _INDENT}".join(painted) + "\n"


def shorter(rule: str) -> str:
    """`RFC 9111 section 4; RFC 9111 section 3` as `RFC 9111 4, 3`: where a line has no room for more."""
    told: list[str] = []
    last = ""
    for part in rule.split("; "):
        name, section, where = part.partition(" section ")
        told.append(f", {where}" if section and name == last else f"; {name} {where}".rstrip())
        last = name
    return "".join(told)[2:]


def broken(because: str, rule: str, taken: int, columns: int) -> list[tuple[str, str]]:
    """The lines of at most `columns` cells, each what stands of the reason and of the rule; 0 columns: one line."""
    lines = [("", "")]
    room = columns - taken
    for text, of_rule in ((because, False), (rule, True)):
        for piece in text.split(" "):
            said, ruled = lines[-1]
            if columns and (said or ruled) and len(f"{said} {ruled}".strip()) + 1 + len(piece) > room:
                lines.append(("", ""))
                said, ruled = "", ""
                room = columns - _INDENT
            if of_rule:
                lines[-1] = (said, f"{ruled} {piece}" if ruled else piece)
            else:
                lines[-1] = (f"{said} {piece}" if said else piece, ruled)
    return lines
