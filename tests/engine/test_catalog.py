"""Which labs there are, read from the records of installed packages without importing one."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl import catalog
from labctl.errors import Malformed


def record(folder: Path, package: str, entry_points: str, metadata: str | None = None) -> None:
    place = folder / package
    place.mkdir(parents=True)
    (place / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    if metadata is not None:
        (place / "METADATA").write_text(metadata, encoding="utf-8")


def test_registrations_are_found_with_their_package_and_its_summary(tmp_path: Path) -> None:
    record(
        tmp_path,
        "my_lab-1.0.dist-info",
        "[console_scripts]\nmine = not:this\n\n"
        "[labctl.labs]\n# a comment\nmine = my.lab:THE_LAB [extra]\nbare = my.bare\n",
        "Name: my-lab\nSummary: what it shows\n\nSummary: of the text below\n",
    )
    record(tmp_path, "other-2.dist-info", "[other.group]\nx = y:z\n")
    record(tmp_path, "old.egg-info", "[labctl.labs]\nold = old_lab:LAB\n")
    found = {entry.name: entry for entry in catalog.foreign([str(tmp_path)])}
    assert list(found) == ["bare", "mine", "old"]
    assert found["mine"] == ("mine", "my.lab", "THE_LAB", "what it shows", "From other packages", "my-lab")
    assert found["bare"].attribute == "LAB"
    assert found["old"].title == "a lab of the package old"


def test_a_built_in_lab_keeps_its_name_and_the_first_of_two_packages_wins(tmp_path: Path) -> None:
    record(tmp_path / "a", "a-1.dist-info", "[labctl.labs]\ndns = evil:LAB\ntwice = a:LAB\n")
    record(tmp_path / "b", "b-1.dist-info", "[labctl.labs]\ntwice = b:LAB\n")
    found = catalog.foreign([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "nowhere"), ""])
    assert [(entry.name, entry.module) for entry in found if entry.package in ("a", "b")] == [("twice", "a")]


def test_a_lab_is_loaded_by_name_or_entry() -> None:
    assert catalog.load("dns").name == "dns"
    assert catalog.find("no-such-lab") is None
    with pytest.raises(KeyError):
        catalog.load("no-such-lab")


@pytest.mark.parametrize("module", ["a_module_that_is_not_there", "labctl.errors"])
def test_what_is_no_lab_is_malformed(module: str) -> None:
    with pytest.raises(Malformed) as caught:
        catalog.load(catalog.Entry("x", module, "OK", "title", "panel", "some-package"))
    assert "some-package" in caught.value.headline
