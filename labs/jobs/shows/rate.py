"""One user with too many jobs, and another who does not notice."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labs.jobs.claims import RATE
from labs.jobs.stage import standing
from labs.telling import command, note, opening, result, table

MOST = 2


def show(internet: Internet) -> Iterator[Event]:
    """Ann asks for one job more than she may have; then Bob asks for his first."""
    asked = (*("ann",) * (MOST + 1), "bob")
    with standing(internet, workers=1, per_user=MOST) as stage:
        yield opening(f"{MOST} active jobs for each user", "ann asks for one more, then bob for his first")
        replies = [stage.submit(100, 0.2, user=user) for user in asked]
    rows = [
        Row(
            f"{user}: {reply.status}, {reply.body.get('message', 'accepted.')}",
            (
                user,
                str(reply.status),
                reply.fields.get("retry-after", "-"),
                reply.body.get("message", "accepted"),
            ),
            hues=("", "ok" if reply.status == 202 else "warn"),
        )
        for user, reply in zip(asked, replies, strict=True)
    ]
    yield table("rate.answers", "", ("user", "status", "Retry-After", "why"), rows)
    yield note(
        "429 says that this client asks for too much, 503 that the service has too much to do. Both belong on the "
        "POST: as the answer to a stream either of them ends an EventSource for good (--show status)."
    )
    statuses = [reply.status for reply in replies]
    last = replies[MOST]
    held = statuses == [*(202,) * MOST, 429, 202] and last.fields.get("retry-after", "").isdigit()
    yield RATE.judged(
        held,
        f"Ann's jobs were answered {', '.join(map(str, statuses[:-1]))}, and Bob's {statuses[-1]}.",
    )
    yield result(f"The limit is each user's own: Bob got {statuses[-1]} while Ann had her {MOST}.")
    yield command("next", "labctl jobs --show cap", "the limit of all together")
