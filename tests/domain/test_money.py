from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.money import MAX_BUDGET, plain, to_nano_dollars

amounts = st.decimals(min_value=0, max_value=MAX_BUDGET, allow_nan=False, allow_infinity=False, places=None)


@pytest.mark.parametrize(
    ("given_amount", "rounded"),
    [
        ("0.0000000005", "0.000000000"),
        ("0.0000000015", "0.000000002"),
        ("0.0000000025", "0.000000002"),
        ("0.00000000250000000000000000001", "0.000000003"),
        ("0.0000000014999999999999999999", "0.000000001"),
        ("0.031131000000000002", "0.031131000"),
        ("1000000000.0000000005", "1000000000.000000000"),
        ("7", "7.000000000"),
        ("1E+3", "1000.000000000"),
    ],
)
def test_an_amount_is_rounded_half_even_to_the_nano_dollar(given_amount: str, rounded: str) -> None:
    assert to_nano_dollars(Decimal(given_amount)).as_tuple() == Decimal(rounded).as_tuple()


@given(amounts)
@settings(max_examples=300)
def test_rounding_agrees_with_exact_fractions(amount: Decimal) -> None:
    assert Fraction(to_nano_dollars(amount)) == Fraction(round(Fraction(amount) * 10**9), 10**9)


@given(amounts)
@settings(max_examples=100)
def test_rounding_twice_changes_nothing(amount: Decimal) -> None:
    once = to_nano_dollars(amount)

    assert to_nano_dollars(once).as_tuple() == once.as_tuple()


def test_rounding_does_not_depend_on_the_context_of_the_thread() -> None:
    amount = Decimal("123456789.1234567895")

    with localcontext() as context:
        context.prec = 5
        context.rounding = "ROUND_UP"
        rounded = to_nano_dollars(amount)

    assert rounded == Decimal("123456789.123456790")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0"),
        ("0E-9", "0"),
        ("1.107E-4", "0.0001107"),
        ("0.000110700", "0.0001107"),
        ("1E-9", "0.000000001"),
        ("5.000000000", "5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("1000.500", "1000.5"),
        ("1000000000.000000001", "1000000000.000000001"),
    ],
)
def test_an_amount_is_written_without_exponent(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


@given(st.integers(min_value=0, max_value=10**18), st.integers(min_value=-9, max_value=3))
@settings(max_examples=300)
def test_a_plain_amount_has_the_same_value_in_the_fewest_digits(digits: int, exponent: int) -> None:
    amount = Decimal(digits).scaleb(exponent)

    text = plain(amount)

    assert Decimal(text) == amount
    assert set(text) <= set("0123456789.")
    assert not text.endswith(".")
    assert "." not in text or not text.endswith("0")
    assert text == "0" or not text.startswith("0") or text.startswith("0.")
