"""Which small changes are made to a source text, what they do, and which of them may be called equivalent."""

from pathlib import Path
from types import FunctionType

import pytest

from tests.tools.mutants.equivalents import equivalents_in, outdated
from tests.tools.mutants.mutations import Mutant, mutants_of

_TEXT = '''
LIMIT = 3


class Till:
    """Keep coins."""

    @property
    def room(self) -> int:
        """Return 3 less what is in."""
        return LIMIT - self.coins


def paid(due: int, given: int = 0) -> bool:
    assert given >= 0
    if due < 0 and given:
        raise ValueError(f"{due + 1} is less than {0}")
    return not min(due, given) < due


def _plain(text: str) -> str:
    return text + "!"


async def twice(n: int) -> int:
    def half(m: int) -> int:
        return m // 2

    return half(n * 1) + half(n * 1)
'''


@pytest.fixture
def mutants(tmp_path: Path) -> list[Mutant]:
    path = tmp_path / "till.py"
    path.write_text(_TEXT, encoding="utf-8")
    return list(mutants_of(path, "shop/till.py"))


def test_each_boundary_sign_word_and_constant_of_a_body_is_changed_once(mutants: list[Mutant]) -> None:
    """Signatures, messages and what is asserted or joined as text stay as they are."""
    assert [mutant.key for mutant in mutants] == [
        "shop/till.py Till.room: LIMIT - self.coins -> LIMIT + self.coins",
        "shop/till.py paid: due < 0 and given -> due < 0 or given",
        "shop/till.py paid: due < 0 -> due <= 0",
        "shop/till.py paid: 0 -> 1",
        "shop/till.py paid: not min(due, given) < due -> not not min(due, given) < due",
        "shop/till.py paid: min(due, given) < due -> min(due, given) <= due",
        "shop/till.py paid: min -> max",
        "shop/till.py twice: m // 2 -> m * 2",
        "shop/till.py twice: 2 -> 3",
        "shop/till.py twice: half(n * 1) + half(n * 1) -> half(n * 1) - half(n * 1)",
        "shop/till.py twice: n * 1 -> n // 1",
        "shop/till.py twice: 1 -> 2",
        "shop/till.py twice: n * 1 -> n // 1 (2)",
        "shop/till.py twice: 1 -> 2 (2)",
    ]


def test_mutant_is_the_function_with_its_one_change(mutants: list[Mutant]) -> None:
    code = {mutant.key.split(" ", 1)[1]: mutant.code for mutant in mutants}

    def paid(change: str, due: int, given: int) -> bool:
        return bool(FunctionType(code[f"paid: {change}"], {})(due, given))

    assert [paid("0 -> 1", 2, given) for given in (1, 2, 3)] == [False, True, True]
    assert [paid("min -> max", 2, given) for given in (1, 2, 3)] == [True, True, True]
    assert [paid("min(due, given) < due -> min(due, given) <= due", 2, given) for given in (1, 2, 3)] == [False] * 3


def test_function_is_known_by_its_first_decorators_line(mutants: list[Mutant]) -> None:
    assert [(mutant.place.line, mutant.line) for mutant in mutants if mutant.place.function == "Till.room"] == [(8, 11)]


def test_reason_for_a_mutant_that_is_made_no_more_is_refused(mutants: list[Mutant], tmp_path: Path) -> None:
    path = tmp_path / "equivalent.toml"
    path.write_text(
        '# why\n"shop/till.py paid: 0 -> 1" = "no"\n"shop/till.py paid: 0 -> 2" = "old"\n"bank.py f: 1 -> 2" = ""',
        encoding="utf-8",
    )
    equivalent, made = equivalents_in(path), {mutant.key for mutant in mutants}
    assert equivalent["shop/till.py paid: 0 -> 1"] == "no"
    assert outdated(equivalent, made, None) == ["shop/till.py paid: 0 -> 2", "bank.py f: 1 -> 2"]
    assert outdated(equivalent, made, ["shop"]) == ["shop/till.py paid: 0 -> 2"]
    assert outdated(equivalent, made, ["shop/till.py", "audit"]) == ["shop/till.py paid: 0 -> 2"]
    assert outdated(equivalent, made, ["sho", "bank"]) == []
