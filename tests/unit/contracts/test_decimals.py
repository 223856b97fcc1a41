"""Points and quanta survive being written as decimal text, and nothing between two steps is accepted."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.decimals import format_money, format_pips, format_points, parse_money, parse_points


@given(st.integers(-(10**18), 10**18), st.sampled_from([1, 3, 4, 5]))
def test_written_points_read_back_as_they_were(points: int, digits: int) -> None:
    text = format_points(points, digits)
    assert parse_points(text, digits) == points
    assert Decimal(text) == Decimal(points).scaleb(-digits)


@given(st.integers(-(10**18), 10**18))
def test_written_money_reads_back_as_it_was(quanta: int) -> None:
    assert parse_money(format_money(quanta)) == quanta


@pytest.mark.parametrize(
    ("points", "digits", "text"), [(138_686, 5, "1.38686"), (101_500, 3, "101.500"), (7, 5, "0.00007"), (0, 3, "0.000")]
)
def test_a_price_is_written_with_all_digits_of_its_instrument(points: int, digits: int, text: str) -> None:
    assert format_points(points, digits) == text


def test_money_keeps_its_sign_and_four_decimals() -> None:
    assert [format_money(quanta) for quanta in (-23_957, -1, 100_000_000)] == ["-2.3957", "-0.0001", "10000.0000"]


def test_a_point_is_a_tenth_of_a_pip() -> None:
    assert format_pips(-123) == "-12.3"


@pytest.mark.parametrize(("text", "points"), [("1.5", 150_000), ("2", 200_000), ("1.386860", 138_686), ("1E-5", 1)])
def test_a_figure_with_other_decimals_is_read_when_it_lies_on_a_step(text: str, points: int) -> None:
    assert parse_points(text, 5) == points


def test_a_figure_between_two_steps_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'1\.386865' has more than 5 decimals"):
        parse_points("1.386865", 5)


@pytest.mark.parametrize("text", ["", "abc", "nan", "-inf", "1_0.00000", "1,38686", "²"])
def test_text_that_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a decimal number"):
        parse_points(text, 5)
