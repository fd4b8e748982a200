"""The town's trust anchor in the files of validating programs."""

from __future__ import annotations

from labctl.sandbox.anchors import ROOT_ANCHOR, bind_form
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town import healthy_town


def test_the_anchor_that_is_written_down_is_that_of_the_towns_root() -> None:
    with LoopbackInternet(healthy_town()) as internet:
        assert internet.trust_anchors == (ROOT_ANCHOR,)


def test_binds_form_has_the_same_numbers() -> None:
    assert bind_form(". DS 4709 13 2 AAC2") == 'trust-anchors { . static-ds 4709 13 2 "AAC2"; };\n'
