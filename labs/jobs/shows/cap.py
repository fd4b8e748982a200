"""A burst of submissions against a cap: who is accepted, who is sent away, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import CAP
from labs.jobs.stage import Reply, standing
from labs.telling import command, measured, note, opening, result, table

BURST, MOST, CLIENTS = 24, 6, 12
_MEANINGS = {202: "accepted", 429: "this user has too many", 503: "the queue is full"}


def show(internet: Internet) -> Iterator[Event]:
    """So many POSTs at once to two web processes, and a cap below them."""
    users = tuple(f"user{number}" for number in range(BURST))
    with standing(internet, web=2, workers=1, users=users, cap=MOST, threads=CLIENTS + 2, streams=2) as stage:
        yield opening(f"{BURST} submissions at once, a cap of {MOST}", "two web processes, one queue")
        with ThreadPoolExecutor(CLIENTS) as together:
            replies = list(together.map(lambda user: stage.submit(100, 0.2, user=user), users))
        seen = Counter(reply.status for reply in replies)
        yield table("cap.answers", "", ("status", "answers", "", "Retry-After"), _rows(replies, seen))
        accepted = [reply for reply in replies if reply.status == 202]
        kept = sum(
            bool(stage.status(reply.body["job_id"], user))
            for reply, user in zip(replies, users, strict=True)
            if reply.status == 202
        )
    yield note(
        f"{kept} of the {len(accepted)} accepted jobs are in the store: a 202 is said when the job is written, and "
        "counting and writing are one transaction that holds the others off. Two processes that count first and "
        "write later let too many in."
    )
    yield measured("jobs.cap.accepted", len(accepted), f"{len(accepted)} were accepted.", "jobs")
    refused = [reply for reply in replies if reply.status in (429, 503)]
    told = all(reply.fields.get("retry-after", "").isdigit() for reply in refused)
    others = len(replies) - len(accepted) - len(refused)
    yield CAP.judged(
        len(accepted) == MOST == kept and len(refused) == BURST - MOST and told,
        f"{BURST} asked and the cap is {MOST}: {len(accepted)} got 202, {len(refused)} got 503 or 429, "
        f"{others} something else.",
        accepted=len(accepted),
        refused=len(refused),
    )
    yield result(
        f"{len(accepted)} accepted, {len(refused)} told when to come again, nothing lost in between."
    )
    yield command("next", "labctl jobs --show rate", "the limit of one user")


def _rows(replies: Sequence[Reply], seen: Counter[int]) -> list[Row]:
    rows = []
    for status, number in sorted(seen.items()):
        waits = {reply.fields.get("retry-after", "-") for reply in replies if reply.status == status}
        meaning = _MEANINGS.get(status, "not expected")
        wait = ", ".join(sorted(waits))
        rows.append(
            Row(
                f"{number} answers were {status}, {meaning}; Retry-After: {wait}.",
                (str(status), str(number), meaning, wait),
                hues=("ok" if status == 202 else "warn",),
            )
        )
    return rows
