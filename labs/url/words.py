"""How the url lab says things. Pure functions from what was measured to words."""

from __future__ import annotations

from collections.abc import Sequence

from labs import words


def ms(value: float) -> str:
    """A duration as the screens print it; what took no time took 0 ms."""
    return words.ms(value) if value > 0 else "0 ms"


def size(count: int) -> str:
    """`398 B`, `1.2 kB`: a kB is 1,000 B."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return f"{count} B"


def listed(values: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`, or `nothing`."""
    return words.listed(values, "nothing")


def percents(amounts: Sequence[float]) -> list[str]:
    """Each amount's share of all of them in whole per cent, which add up to 100 (the largest remainders go up)."""
    whole = sum(amounts)
    exact = [amount / whole * 100 for amount in amounts]
    shares = [int(each) for each in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: shares[place] - exact[place])
    for place in by_remainder[: 100 - sum(shares)]:
        shares[place] += 1
    return [f"{each}%" for each in shares]


def less(before: float, after: float) -> str:
    """`62% less`, `the same`, `8% more`."""
    if before <= 0:
        return "the same"
    change = round((after - before) / before * 100)
    if change == -100 and after > 0:
        return "over 99% less"
    return "the same" if change == 0 else f"{abs(change)}% {'less' if change < 0 else 'more'}"


def sentence(text: str) -> str:
    """With one full stop at its end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
