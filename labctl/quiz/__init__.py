"""The questions of a lab: quiz.toml, and what is right in this run.

    [[item]]
    id = "dns.questions"        # unique, stable: answers and progress refer to it
    rev = 1                     # raised when the meaning changes
    phase = "predict"           # predict | observe | recall
    ask = "what"                # why | what | transfer
    stem = "How many ...?"      # may use {measure-id} and {argument:name}
    hints = ["...", "...", "..."]
    see = "labctl dns ..."      # the command that shows it
    kind = "choice"             # choice | number
    measure = "dns.walk.questions"   # the key is the option whose `value` equals it (number: the measure)
    claim = "dns.referral"           # or: the key is the option with `correct`, as long as this claim HELD;
                                     # REFUTED: the option with `when_refuted`
    tolerance = 0.0             # number: how far off is still right
    unless = ["server"]         # not asked when one of these arguments is given, --timeout included
    fixed_order = false         # options keep their order (numbers in a row)
    [[item.option]]
    id = "a"                    # default: its letter in the file
    text = "..."
    correct = true
    value = 3
    feedback = "..."            # answers whoever chose it
    right_feedback = "..."      # instead, when it is the right one in this run
    misconception = "..."       # wrong options: what one believes who chooses it

An item without `measure` and `claim` always has its `correct` option as key. When the measure or the
verdict is missing from a run, or NOT_SEEN, the item is void in it: nobody is wrong then.
"""

from __future__ import annotations

from labctl.quiz.items import Item, Option, Phase
from labctl.quiz.keys import LETTERS, Key, is_right, key, number_of, resolve, shuffled
from labctl.quiz.reading import read
from labctl.quiz.rules import check

__all__ = [
    "LETTERS",
    "Item",
    "Key",
    "Option",
    "Phase",
    "check",
    "is_right",
    "key",
    "number_of",
    "read",
    "resolve",
    "shuffled",
]
