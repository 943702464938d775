"""The collector rests while a module is imported, and goes on as it was before."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastness.kernel.loading import load

NAME = "loaded_by_a_test"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    gc.unfreeze()
    sys.modules.pop(NAME, None)


def write(folder: Path, code: str) -> None:
    (folder / f"{NAME}.py").write_text(code, encoding="utf-8")


def test_a_module_is_imported_while_the_collector_rests(folder: Path) -> None:
    before = gc.get_threshold()
    write(folder, "import gc\nthreshold = gc.get_threshold()[0]\n")
    assert load(NAME).threshold == 0
    assert gc.isenabled()
    assert gc.get_threshold() == before


def test_what_was_imported_is_out_of_the_collectors_sight(folder: Path) -> None:
    gc.unfreeze()
    write(folder, "class Kept: ...\n")
    kept = load(NAME).Kept
    assert gc.get_freeze_count()
    assert all(each is not kept for each in gc.get_objects())


def test_a_module_that_is_there_already_puts_nothing_out_of_sight(folder: Path) -> None:
    write(folder, "")
    module = load(NAME)
    gc.unfreeze()
    assert load(NAME) is module
    assert gc.get_freeze_count() == 0


def test_the_collector_goes_on_after_a_module_that_raises(folder: Path) -> None:
    before = gc.get_threshold()
    write(folder, "raise ValueError\n")
    with pytest.raises(ValueError):  # noqa: PT011 - the module's own
        load(NAME)
    assert gc.isenabled()
    assert gc.get_threshold() == before


def test_a_module_that_raises_puts_nothing_out_of_sight(folder: Path) -> None:
    """It may be asked for with each request, and each time all garbage of the moment would stay."""
    gc.unfreeze()
    write(folder, "raise ValueError\n")
    with pytest.raises(ValueError):  # noqa: PT011 - the module's own
        load(NAME)
    assert gc.get_freeze_count() == 0


def test_a_collector_that_rests_for_another_thread_is_left_to_it(folder: Path) -> None:
    before = gc.get_threshold()
    write(folder, "")
    gc.set_threshold(0)
    try:
        load(NAME)
        assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)


@pytest.mark.parametrize("says", ["gc.disable()", "gc.set_threshold(50_000, 20, 30)"])
def test_what_a_module_says_about_the_collector_holds(folder: Path, says: str) -> None:
    before = gc.get_threshold()
    write(folder, f"import gc\n{says}\n")
    try:
        load(NAME)
        assert (gc.isenabled(), gc.get_threshold()[0]) == (
            (False, before[0]) if says == "gc.disable()" else (True, 50_000)
        )
    finally:
        gc.enable()
        gc.set_threshold(*before)


def test_a_collector_that_rested_before_rests_on(folder: Path) -> None:
    write(folder, "")
    gc.disable()
    try:
        load(NAME)
        assert not gc.isenabled()
    finally:
        gc.enable()
