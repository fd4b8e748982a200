"""A lab of another package: the smallest one that has everything. Copy it to begin your own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Claim, Event, Exchange, Measure, Row, Rows, Step
from labctl.internet import Internet
from labctl.lab import Lab, Place

ANSWERED = Claim(
    "echo.answered",
    "Who calls a name server of the sandbox gets an answer.",
    source="RFC 1034 section 4.3.2",
    broken_by=None,
    unbreakable="the lab is a test's",
)
LOUDER = Claim(
    "echo.louder",
    "What is said twice is heard twice.",
    source="arithmetic",
    broken_by=None,
    unbreakable="arithmetic",
    shown_by=("hello", "--times", "2"),
)


def place(arguments: Mapping[str, Any]) -> Place:
    return "both" if arguments["word"] == "both" else "live" if arguments["word"] == "live" else "sandbox"


def run(
    internet: Internet,
    word: Annotated[str, "What to say."] = "hello",
    *,
    times: Annotated[int, "How often."] = 1,
    how: Annotated[Literal["softly", "loudly"], "In which voice."] = "softly",
    also: Annotated[list[str] | None, "More words, one option each."] = None,
    wait_for: Annotated[float | None, "Seconds of patience."] = None,
    polite: Annotated[bool, "Say please."] = True,
    go_wrong: Annotated[bool, "Make a mistake of the programmer's kind."] = False,
    say_no: Annotated[bool, "Let the claim come out false."] = False,
    interrupt: Annotated[bool, "Press Ctrl-C in the middle."] = False,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError when there is nothing to say."""
    if not word:
        raise UsageError("usage", "there is nothing to say", fixes=("labctl echo hello",))

    def events() -> Iterator[Event]:
        yield Step(text=f"OBSERVE: {word} is said.", role="phase", phase="OBSERVE", title=f"{word} is said")
        if go_wrong:
            raise KeyError("wrong")
        for number in range(times):
            yield Exchange(
                text=f"you say {word} {how}.", at_ms=float(number), source="you", target="wall", label=word
            )
            if interrupt:
                raise KeyboardInterrupt
        words = [word, *(also or [])]
        yield Rows(
            text=f"{len(words)} words.",
            id="words",
            title="Words",
            columns=("word",),
            rows=tuple(Row(text=f"{w}.", cells=(w,)) for w in words),
        )
        yield Measure(f"It was said {times} times.", "echo.times", times)
        yield Measure(f"Patience: {wait_for}.", "echo.patience", wait_for, "s")
        yield ANSWERED.judged(not say_no, f"{word} came back." if not say_no else "Nothing came back.")
        if times > 1:
            yield LOUDER.judged(True, f"{times} came back.")
        else:
            yield LOUDER.not_seen("It was said once only.")
        yield Step(text=f"{word} was heard.", role="result")
        yield Step(text="By hand: echo hello", role="command", label="by hand", title="echo hello")

    return events()


LAB = Lab(
    "echo",
    "What comes back when you call",
    (ANSWERED, LOUDER),
    run,
    __package__ or __name__,
    examples=("echo", "echo hello --times 2", "echo hello --how loudly"),
    place=place,
)
