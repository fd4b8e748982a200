"""`labctl` alone: the stops of the journey, what is done, and the one next command."""

from __future__ import annotations

from labctl import catalog
from labctl.cli.page import Page
from labctl.directories import directory
from labctl.progress import Progress, Standing


def show() -> int:
    """Print the home screen."""
    page = Page()
    standings = Progress(directory("data")).standings()
    stops = catalog.built_in()
    current = next((s for s in stops if not standings.get(s.name, Standing()).done), None)
    page.say()
    page.prose("You type a URL and press Enter. This is what happens.")
    page.say()
    widest = max(len(stop.name) for stop in stops)
    titles = max(len(stop.title) for stop in stops)
    for number, stop in enumerate(stops, 1):
        standing = standings.get(stop.name, Standing())
        mark, hue = (page.glyphs.passed, "ok") if standing.done else (page.glyphs.todo, "mute")
        note = f"quiz {standing.right} of {standing.asked}" if standing.asked else ""
        if stop is current:
            mark, hue, note = page.glyphs.now, "accent", note or "you are here"
        name = page.paint(stop.name.ljust(widest), "accent")
        page.say(
            f"   {page.paint(mark, hue)} {number:2}  {name}  {stop.title.ljust(titles)}   {note}".rstrip()
        )
    page.say()
    page.say(f"  {_summary([standings.get(stop.name, Standing()) for stop in stops])}")
    page.say()
    reviews = [s for s in stops if (st := standings.get(s.name)) and st.right < st.asked]
    if current is not None:
        lines = [("next", f"labctl {current.name}")]
        lines += [("review", f"labctl {stop.name} --phase quiz") for stop in reviews[:1]]
    else:
        again = (reviews or list(stops))[0]
        lines = [("next", f"labctl {again.name} --phase quiz"), *_broken(again)]
    lines.append(("help", "labctl --help"))
    for label, command in lines:
        page.say(f"  {page.paint(label.ljust(9), 'mute')} {page.paint(command, 'accent')}")
    page.show()
    return 0


def _broken(stop: catalog.Entry) -> list[tuple[str, str]]:
    """One way to see the same lab go wrong: the next step after everything is done."""
    faults = [claim.broken_by for claim in catalog.load(stop).claims if claim.broken_by]
    return [("and try", f"labctl {stop.name} --break {faults[0]}")] if faults else []


def _summary(standings: list[Standing]) -> str:
    done, there_are = sum(s.done for s in standings), len(standings)
    text = f"{done} of {there_are} stop{'s' if there_are != 1 else ''} done"
    if done == there_are:
        text = "all stops done" if there_are > 1 else "the one stop there is so far is done"
    asked = sum(s.asked for s in standings)
    return f"{text}, {sum(s.right for s in standings)} of {asked} quiz answers" if asked else text
