"""The sentences that point at the numbers of this run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from labctl.events import Step
from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_sentences import sentences
from labs.telling import about


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
