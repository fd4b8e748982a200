"""Steps that every demonstration has: its opening, its headings, and the sentences about its own numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from labctl.events import Hue, Step
from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_sentences import sentences


def opening(title: str, summary: str = "") -> Step:
    """The phase rule."""
    text = f"OBSERVE: {title}."
    return Step(
        text=f"{text} {summary if ':' in summary else summary[:1].upper() + summary[1:]}."
        if summary
        else text,
        role="phase",
        phase="OBSERVE",
        title=title,
        summary=summary,
    )


def heading(title: str, remark: str = "") -> Step:
    """What the next picture shows."""
    return Step(
        text=f"{title}: {remark}." if remark else f"{title}.", role="heading", title=title, summary=remark
    )


def note(text: str) -> Step:
    """A paragraph."""
    return Step(text=text)


def about(term: str, text: str, remark: str = "") -> Step:
    """One thing on the screen, and what it means."""
    said = f"{term}: {text}" + (f" {remark}" if remark else "")
    said = said if said.endswith(".") else said + "."
    return Step(text=said, label=term, title=text, summary=remark)


def result(text: str, hue: Hue = "ok") -> Step:
    """The line with the mark at the end."""
    return Step(text=text, role="result", hue=hue)


def command(label: str, line: str, remark: str = "") -> Step:
    """A line of the footer: what to type, and what it is good for."""
    text = f"{label[:1].upper()}{label[1:]}: {line}" + (f"   ({remark})" if remark else "")
    return Step(text=text, role="command", label=label, title=line, summary=remark)


def explained(conversation: Conversation, *wanted: str) -> Iterator[Step]:
    """Sentences that point at numbers of this run; `wanted` are beginnings of their terms, in order."""
    said = sentences(conversation)
    for beginning in wanted:
        for sentence in said:
            if sentence.term.startswith(beginning):
                text, _, arithmetic = plainly(sentence.text).partition("   ")
                if beginning == "seq=" and conversation.rows[sentence.row - 1].segment.evidence != "captured":
                    # What an ACK asked for, and when, was not captured.
                    text, arithmetic = "The same bytes again; why is not visible from here.", ""
                yield about(sentence.term, text, arithmetic)
                break


def plainly(text: str) -> str:
    """A sentence without its row numbers: the ladder shows times instead."""
    text = re.sub(r" \(rows? [^)]*\)", "", text)
    return re.sub(r"^Row \d+ again", "The same bytes again", text)
