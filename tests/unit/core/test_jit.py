"""Machine code: where it is kept, how a function is chosen by type, and that compiling is told of."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.core import jit
from shared.core.jit import core_digest, machine_code_is_kept, told_of_compiling


def unremembered(function: Any) -> Any:
    """Return a function that does its work again in every call."""
    return function.__wrapped__


@pytest.fixture(name="kept")
def kept_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of all machine code of a user who has none yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(jit, "_cache_folder", unremembered(jit._cache_folder))
    return tmp_path / "cache" / "scalpbot" / "compiled"


def test_machine_code_is_kept_beside_that_of_the_three_newest_others(kept: Path) -> None:
    assert machine_code_is_kept()
    (kept / core_digest()).rmdir()
    for age in range(1, 5):
        (kept / f"older{age}").mkdir()
        os.utime(kept / f"older{age}", (1_000 - age, 1_000 - age))
    # What cannot be removed as a folder is left alone.
    (kept / "file").write_text("")
    os.utime(kept / "file", (1, 1))
    assert machine_code_is_kept()
    assert {each.name for each in kept.iterdir()} == {core_digest(), "older1", "older2", "older3", "file"}


def test_folder_that_another_process_makes_meanwhile_is_used(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_code_is_kept()
    seen, looks = Path.is_dir, iter([False])
    monkeypatch.setattr(Path, "is_dir", lambda path: next(looks, True) if path.parent == kept else seen(path))
    assert machine_code_is_kept()
    assert [each.name for each in kept.iterdir()] == [core_digest()]


def test_machine_code_is_not_kept_where_nothing_can_be_written(kept: Path) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_text("")
    assert not machine_code_is_kept()


class Factor(NamedTuple):
    factor: int


class Summand(NamedTuple):
    summand: int


def multiplied(value: int, params: Any) -> int:
    return int(value * params.factor)


def added(value: int, params: Any) -> int:
    return int(value + params.summand)


def choose(kind: type) -> Callable[..., int]:
    return multiplied if kind is Factor else added


def by_type(value: int, params: Any) -> int:
    return choose(type(params))(value, params)


def both(value: int) -> tuple[int, int]:
    return by_type(value, Factor(3)), by_type(value, Summand(3))


def test_compiled_code_chooses_by_the_type_of_the_last_argument_and_tells_once_that_it_compiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import numba  # noqa: PLC0415  (heavy: only where code is compiled)

    monkeypatch.setattr(jit, "_marked", [multiplied, added])
    monkeypatch.setattr(jit, "_chosen", [(by_type, choose)])
    unremembered(jit._teach_numba)()
    told: list[str] = []
    fast: Any = numba.njit(both)
    with told_of_compiling(lambda: told.append("compiles")):
        assert fast(7) == both(7) == (21, 10)
    assert told == ["compiles"]
    with told_of_compiling(lambda: told.append("again")):
        assert fast(8) == (24, 11)
    assert told == ["compiles"]


@pytest.mark.parametrize("damaged", [False, True])
def test_damaged_machine_code_is_removed_and_asked_for_no_more(tmp_path: Path, damaged: bool) -> None:
    asked: list[str] = []

    def from_disk(value: int) -> int:
        asked.append("disk")
        if damaged:
            raise EOFError("the file is cut short")
        return value + 1

    run = jit._forgiving(from_disk, lambda value: value + 1, tmp_path / "gone")
    assert [run(1), run(2)] == [2, 3]
    assert asked == (["disk"] if damaged else ["disk", "disk"])


def doubled(value: int) -> int:
    return 2 * value


def test_machine_code_of_a_function_is_put_into_the_folder(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numba  # noqa: PLC0415  (heavy: only where code is compiled)

    for name in ("_marked", "_chosen"):
        monkeypatch.setattr(jit, name, [])
    monkeypatch.setitem(vars(numba.config), "CACHE_DIR", "")
    monkeypatch.setattr(jit, "_teach_numba", unremembered(jit._teach_numba))
    assert unremembered(jit.compiled)(doubled)(21) == doubled(21) == 42
    assert [each.suffix for each in sorted((kept / core_digest()).rglob("test_jit.doubled*.nb?"))] == [".nbc", ".nbi"]
    kept.parent.rename(kept.parent.with_name("gone"))
    kept.parent.write_text("")
    assert unremembered(jit.compiled)(doubled)(21) == 42
