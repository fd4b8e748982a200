"""What caches said about a response, in one word and in a table."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.protocols.cache_vocabulary import Told, decode, identify_cdn, verdict
from labctl.protocols.http1_fields import Fields
from labs.cache.words import hue
from labs.telling import about, table


def word_of(fields: Fields) -> str:
    """The word of the vocabulary that these fields come to; "" when no cache said anything."""
    told = verdict(fields)
    return told.word if told is not None else ""


def told_table(fields: Fields) -> Iterator[Event]:
    """Everything that caches on the way said, each in the words of the vocabulary."""
    told = decode(fields)
    if told:
        names = [each.name for each in identify_cdn(fields)]
        note = f"The CDN is {names[0]}." if names else ""
        rows = [_row(each) for each in told]
        yield table("told", "What the caches on the way say", ("field", "word"), rows, note)
        # Below the table: a sentence has no room in a column.
        for each in told:
            yield about(each.word or "?", each.because)


def _row(told: Told) -> Row:
    word = told.word or "?"
    return Row(
        f"{told.raw}: {word}.",
        (told.raw, word),
        hues=("mute", hue(told.word)),
        bold=(1,),
    )
