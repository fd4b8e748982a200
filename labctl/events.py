"""What a lab can say, and what a claim is.

Every event carries `text`: a sentence that is complete on its own. It is what the plain form prints, so a number
that stands in the data of an event stands in its text too (a test compares). Times are milliseconds since the run
began, measured, never made up. Data from peers is data: renderers escape it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Data = Mapping[str, Json]

Evidence = Literal["captured", "observed", "inferred"]
Outcome = Literal["HELD", "REFUTED", "NOT_SEEN"]
ClaimKind = Literal["law", "habit", "measured"]
StepRole = Literal["phase", "heading", "note", "warning", "result", "command"]
# The five roles of SCREENS.md, plus "" for the terminal's own foreground.
Hue = Literal["", "accent", "ok", "warn", "bad", "alt", "mute"]
RowsForm = Literal["table", "answers", "fields", "shares", "message"]
Picture = Literal["waterfall", "timeline"]
SpanState = Literal["done", "open"]
ExchangePicture = Literal["ladder", "rail"]


@dataclass(frozen=True)
class Step:
    """Where the lesson stands: a phase rule, a heading, a note, a result, or a command to type.

    `title` is what a diagram-drawing renderer prints (default: the text); `summary` the headline number that
    stands on the right of a phase rule.
    """

    text: str
    role: StepRole = "note"
    title: str = ""
    summary: str = ""
    phase: str = ""
    hue: Hue = ""
    label: str = ""
    data: Data = field(default_factory=dict)


@dataclass(frozen=True)
class Exchange:
    """One message between two parties: a DNS query, a TCP segment, a TLS record, a request, an SSE event.

    `source` and `target` are lane names of a ladder (the lane's second line is in `lanes`); `label` is what stands
    on the arrow. `heavy` arrows carry the data that was asked for. `at_ms` is since the run began.

    On a rail there is one stream, and the rail is its connection. `role` says what the row is: `request`, `opened`,
    `event` (`data["event"]` is its type, `progress` from 0 to 1), `replayed` (an event that was missed), `lost`,
    `away` (told of the time between two connections), `killed`, `ended` or `failed` (the last event). `remark` stands
    on the right of the row.
    """

    text: str
    at_ms: float
    source: str
    target: str
    label: str
    role: str = "question"
    hue: Hue = "accent"
    heavy: bool = False
    lost: bool = False
    evidence: Evidence = "captured"
    lanes: Mapping[str, str] = field(default_factory=dict)
    data: Data = field(default_factory=dict)
    picture: ExchangePicture = "ladder"
    progress: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Span:
    """An interval on a track: waterfalls and worker timelines. Milliseconds since the run began.

    On a timeline `under` is the second line of the track's name (`pid 4101`) and `role` says what went on:
    `request` (the label is its letter), `stuck` (over its timeout), `killed` (a moment; the label is what stands
    beneath), `respawn`, `boot`, or `queue` (`amount` wait from start to end). What no span covers is idle.
    An `open` span has only begun (`end_ms` is its start); the `done` one with the same track, start and label takes
    its place.
    """

    text: str
    track: str
    start_ms: float
    end_ms: float
    label: str = ""
    role: str = ""
    hue: Hue = ""
    picture: Picture = "waterfall"
    under: str = ""
    state: SpanState = "done"
    amount: float | None = None
    data: Data = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of a table. `share` (0 to 1), when present, is drawn as a bar and said in `text`.

    `hues` colour the cells one by one (shorter is fine; one more than there are cells is the bar's), `bold` are the
    numbers of those that stand out. In a table of the form `answers`, what stands behind the first line break of a
    cell says why, in mute.
    """

    text: str
    cells: tuple[str, ...]
    share: float | None = None
    hues: tuple[Hue, ...] = ()
    bold: tuple[int, ...] = ()
    data: Data = field(default_factory=dict)


@dataclass(frozen=True)
class Rows:
    """A table: caches, records, who says what.

    `form`: `shares` are the parts of a whole, each a label, an amount and a remark, with a bar; `answers` has few
    questions and as many columns as are asked, each with a head of two lines (`hues` colour the first) and a reason
    under each answer; `fields` are names with values, several on a line; `message` has a row for each line of a
    message, with an amount, the line, a sentence and a document.
    """

    text: str
    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    show_columns: bool = False
    form: RowsForm = "table"
    hues: tuple[Hue, ...] = ()


@dataclass(frozen=True)
class Measure:
    """A named fact with a unit (`dns.answer.ttl`, 300, `s`): checks, quiz keys and explanations read it.

    With `at_most` it is a check that the user has required: more than that, or no value at all, fails the run.
    """

    text: str
    id: str
    value: Json
    unit: str = ""
    at_most: float | None = None

    @property
    def failed(self) -> bool:
        """Whether a required limit was not kept."""
        if self.at_most is None:
            return False
        return not isinstance(self.value, int | float) or self.value > self.at_most


@dataclass(frozen=True)
class Verdict:
    """What this run says about a claim. NOT_SEEN says why the effect did not show; nobody is wrong then."""

    text: str
    claim: str
    outcome: Outcome
    sentence: str
    source: str
    kind: ClaimKind = "law"
    data: Data = field(default_factory=dict)


Event = Step | Exchange | Span | Rows | Measure | Verdict


@dataclass(frozen=True)
class Claim:
    """A sentence about the web that a run can refute.

    `source` is the document and section; `broken_by` names the fault of the sandbox under which it comes out
    false, or is None with `unbreakable` saying why (arithmetic). `shown_by` is the command line, after
    `labctl <lab>`, of the run in which it is seen.
    """

    id: str
    sentence: str
    source: str
    broken_by: str | None
    kind: ClaimKind = "law"
    unbreakable: str = ""
    shown_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.broken_by is None) != bool(self.unbreakable):
            raise ValueError(f"claim {self.id}: name the fault that breaks it, or say why nothing can")

    def judged(self, held: bool, because: str, **data: Json) -> Verdict:
        """HELD or REFUTED by what was just seen; `because` is this run's own sentence."""
        return self._verdict("HELD" if held else "REFUTED", because, data)

    def not_seen(self, why: str, **data: Json) -> Verdict:
        """The effect did not show in this run; `why` says what stood in the way."""
        return self._verdict("NOT_SEEN", why, data)

    def _verdict(self, outcome: Outcome, because: str, data: Data) -> Verdict:
        return Verdict(
            text=because,
            claim=self.id,
            outcome=outcome,
            sentence=self.sentence,
            source=self.source,
            kind=self.kind,
            data=dict(data),
        )
