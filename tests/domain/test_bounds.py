from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self
from uuid import UUID

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, model_validator
from pydantic_core import to_json

from domain.bounds import (
    BudgetAmount,
    Cost,
    Input,
    JSONObject,
    Label,
    Metadata,
    Milliseconds,
    Moment,
    Name,
    Names,
    Share,
    TimeZone,
    Tokens,
    Truncated,
    identifier,
    page_size,
    reject,
)
from domain.error import ErrorCode, InvalidInput
from domain.money import plain

NAME: TypeAdapter[str] = TypeAdapter(Name)
NAMES: TypeAdapter[list[str]] = TypeAdapter(Names)
COST: TypeAdapter[Decimal] = TypeAdapter(Cost)
BUDGET: TypeAdapter[Decimal] = TypeAdapter(BudgetAmount)
MILLISECONDS: TypeAdapter[int] = TypeAdapter(Milliseconds)
TOKENS: TypeAdapter[int] = TypeAdapter(Tokens)
SHARE: TypeAdapter[float] = TypeAdapter(Share)
JSON_OBJECT: TypeAdapter[dict[str, Any] | None] = TypeAdapter(JSONObject)
LABEL: TypeAdapter[str] = TypeAdapter(Label)
METADATA: TypeAdapter[dict[str, Any] | None] = TypeAdapter(Metadata)
TIME_ZONE: TypeAdapter[str] = TypeAdapter(TimeZone)
MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


def reason(adapter: TypeAdapter[Any], value: Any) -> str:
    """The message of the error for this value."""
    with pytest.raises(pydantic.ValidationError) as raised:
        adapter.validate_python(value)
    return raised.value.errors()[0]["msg"]


class Item(Input):
    unit_price: Cost
    code_name: Name


class Order(Input):
    order_name: Name
    max_items: Tokens | None = None
    line_items: list[Item] = []

    @model_validator(mode="after")
    def _items_fit(self) -> Self:
        if self.max_items is not None and len(self.line_items) > self.max_items:
            reject("lineItems must not be more than maxItems")
        return self


def error_of(values: dict[str, Any], path: tuple[str | int, ...] = ("input",)) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        Order.checked(values, path)
    return raised.value


# Names


def test_space_around_a_name_is_removed() -> None:
    assert NAME.validate_python(" \t gpt-4o mini \n") == "gpt-4o mini"


def test_a_name_has_at_most_200_characters() -> None:
    assert NAME.validate_python("é" * 200) == "é" * 200
    assert NAME.validate_python(" " + "n" * 200 + " ") == "n" * 200
    assert reason(NAME, "n" * 201) == "String should have at most 200 characters"


@pytest.mark.parametrize("blank", ["", " ", "\n\t "])
def test_a_blank_name_is_rejected(blank: str) -> None:
    assert reason(NAME, blank) == "String should have at least 1 character"


def test_a_name_cannot_contain_nul() -> None:
    assert reason(NAME, "a\x00b") == "must not contain the NUL character"


def test_a_name_is_valid_unicode() -> None:
    assert reason(NAME, "a\ud800") == "Input should be a valid string, unable to parse raw data as a unicode string"


@pytest.mark.parametrize("value", [None, 7, ["openai"]])
def test_a_name_is_text(value: Any) -> None:
    assert reason(NAME, value) == "Input should be a valid string"


def test_duplicate_names_in_any_case_are_listed_once_in_the_first_spelling() -> None:
    names = NAMES.validate_python(["OpenAI", "mistral", " openai ", "STRASSE", "straße", "Mistral", "groq"])

    assert names == ["OpenAI", "mistral", "STRASSE", "groq"]


def test_a_list_has_at_most_100_names() -> None:
    assert NAMES.validate_python([f"n{i}" for i in range(100)]) == [f"n{i}" for i in range(100)]
    assert reason(NAMES, ["n"] * 101) == "List should have at most 100 items after validation, not 101"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a-1", "a-1"),
        (42, "42"),
        (-7, "-7"),
        (12345678901234567890123, "12345678901234567890123"),
        (1e3, "1000"),
        (-0.0, "0"),
        (float(2**53 - 1), "9007199254740991"),
    ],
)
def test_a_label_may_be_a_number_that_its_digits_determine(value: Any, text: str) -> None:
    assert LABEL.validate_python(value) == text


@pytest.mark.parametrize("value", [7.5, float(2**53), -1e300, float("nan"), float("inf")])
def test_a_label_that_is_an_ambiguous_number_is_rejected(value: float) -> None:
    assert (
        reason(LABEL, value)
        == "must be text of 1 to 200 characters or an integer; a float must be whole and below 2^53"
    )


def test_a_label_has_the_bounds_of_a_name() -> None:
    assert LABEL.validate_python(10**199) == "1" + "0" * 199
    assert reason(LABEL, 10**200) == "String should have at most 200 characters"
    assert reason(LABEL, " ") == "String should have at least 1 character"
    assert reason(LABEL, True) == "Input should be a valid string"
    assert reason(LABEL, [1]) == "Input should be a valid string"


# Money


@pytest.mark.parametrize(
    ("value", "cost"),
    [
        ("0", "0"),
        ("1E-10", "0"),
        ("0.0000000005", "0"),
        ("0.0000000015", "0.000000002"),
        ("0.031131000000000002", "0.031131"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (0.000000015, "0.000000015"),
        (3, "3"),
        (Decimal("99999.999999999"), "99999.999999999"),
        ("100000", "100000"),
    ],
)
def test_a_cost_is_rounded_to_the_nano_dollar(value: Any, cost: str) -> None:
    taken = COST.validate_python(value)

    assert taken == Decimal(cost)
    assert taken.as_tuple().exponent == -9


@pytest.mark.parametrize("value", ["-0.000000001", "-1E-30", "100000.000000001", "100000.0000000000000001", "1E+40"])
def test_a_cost_is_from_0_to_100000(value: str) -> None:
    assert reason(COST, value) == "must be from 0 to 100000 USD"


@pytest.mark.parametrize("adapter", [COST, BUDGET])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", float("nan"), float("inf")])
def test_money_is_finite(adapter: TypeAdapter[Decimal], value: Any) -> None:
    assert reason(adapter, value) == "Input should be a finite number"


@pytest.mark.parametrize("adapter", [COST, BUDGET])
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("five", "Input should be a valid decimal"),
        ("", "Input should be a valid decimal"),
        (True, "Decimal input should be an integer, float, string or Decimal object"),
    ],
)
def test_money_is_a_number(adapter: TypeAdapter[Decimal], value: Any, why: str) -> None:
    assert reason(adapter, value) == why


def test_minus_zero_is_zero() -> None:
    assert plain(COST.validate_python("-0")) == "0"


@pytest.mark.parametrize(
    ("value", "budget"),
    [
        ("0.000000001", "0.000000001"),
        ("0.0000000015", "0.000000002"),
        (0.3, "0.3"),
        ("1000000000", "1000000000"),
        ("999999999.999999999", "999999999.999999999"),
    ],
)
def test_a_budget_is_rounded_to_the_nano_dollar(value: Any, budget: str) -> None:
    taken = BUDGET.validate_python(value)

    assert taken == Decimal(budget)
    assert taken.as_tuple().exponent == -9


@pytest.mark.parametrize("value", ["0", "-1", "0.0000000009", "1000000000.000000001", "1000000000.0000000000001"])
def test_a_budget_is_more_than_0_and_at_most_a_billion(value: str) -> None:
    assert reason(BUDGET, value) == "must be more than 0 and at most 1000000000 USD"


@given(st.decimals(min_value="1E-9", max_value=100_000, allow_nan=False))
@settings(max_examples=200)
def test_money_is_rounded_like_exact_fractions(amount: Decimal) -> None:
    rounded = Fraction(round(Fraction(amount) * 10**9), 10**9)

    assert Fraction(COST.validate_python(amount)) == rounded
    assert Fraction(BUDGET.validate_python(amount)) == rounded


@given(st.floats(min_value=1e-9, max_value=100_000))
@settings(max_examples=200)
def test_a_float_counts_as_the_digits_it_is_written_with(amount: float) -> None:
    rounded = Fraction(round(Fraction(repr(amount)) * 10**9), 10**9)

    assert Fraction(COST.validate_python(amount)) == rounded


# Counts and shares


def test_a_latency_is_at_most_a_day() -> None:
    assert MILLISECONDS.validate_python(0) == 0
    assert MILLISECONDS.validate_python(86_400_000) == 86_400_000
    assert reason(MILLISECONDS, -1) == "Input should be greater than or equal to 0"
    assert reason(MILLISECONDS, 86_400_001) == "Input should be less than or equal to 86400000"


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (830.5, 830),
        (831.5, 832),
        ("830.5", 830),
        (" 831.5 ", 832),
        ("830.5000000000000000000000001", 831),
        (0.49999999999999994, 0),
        (-0.2, 0),
        ("-0.5", 0),
        ("-0", 0),
        ("8.305e2", 830),
        (".5", 0),
        ("7.", 7),
        (86_400_000.5, 86_400_000),
        ("1e-999999999", 0),
    ],
)
def test_a_latency_is_rounded_half_even_to_the_millisecond(value: Any, rounded: int) -> None:
    taken = MILLISECONDS.validate_python(value)

    assert (taken, type(taken)) == (rounded, int)


@given(st.floats(0, 86_400_000))
@settings(max_examples=200)
def test_a_latency_is_rounded_like_exact_fractions(value: float) -> None:
    assert MILLISECONDS.validate_python(value) == round(Fraction(value))
    assert MILLISECONDS.validate_python(repr(value)) == round(Fraction(repr(value)))


@pytest.mark.parametrize("value", [-3, -0.6, "-0.51", -1e300, "-1e999999999"])
def test_a_latency_is_not_negative(value: Any) -> None:
    assert reason(MILLISECONDS, value) == "Input should be greater than or equal to 0"


@pytest.mark.parametrize("value", [86_400_000.6, "86400001", 1e300, "1e999999999", 10**400])
def test_a_latency_of_more_than_a_day_is_rejected_whatever_its_size(value: Any) -> None:
    assert reason(MILLISECONDS, value) == "Input should be less than or equal to 86400000"


@pytest.mark.parametrize(
    "value", ["fast", "", "1,5", "1_000", "\u0661", True, [1], {}, float("nan"), float("inf"), "NaN"]
)
def test_a_latency_is_a_number(value: Any) -> None:
    assert reason(MILLISECONDS, value) == "must be a number of milliseconds, from 0 to 86400000"


@pytest.mark.parametrize(
    ("value", "count"), [(12.0, 12), ("12", 12), ("12.0", 12), ("1.2e1", 12), (1e9, 1_000_000_000), (-0.0, 0)]
)
def test_a_whole_count_is_accepted_in_any_notation(value: Any, count: int) -> None:
    taken = TOKENS.validate_python(value)

    assert (taken, type(taken)) == (count, int)


@pytest.mark.parametrize("value", [12.5, "12.5", "1e-999999999", 5e-324, True, "many", float("nan"), [], "1 2"])
def test_a_count_is_whole(value: Any) -> None:
    assert reason(TOKENS, value) == "must be a whole number, from 0 to 1000000000"


def test_tokens_are_at_most_a_billion() -> None:
    assert TOKENS.validate_python(0) == 0
    assert TOKENS.validate_python(1_000_000_000) == 1_000_000_000
    assert reason(TOKENS, -1) == "Input should be greater than or equal to 0"
    assert reason(TOKENS, 1_000_000_001) == "Input should be less than or equal to 1000000000"


def test_a_share_is_from_0_to_1() -> None:
    assert SHARE.validate_python(0) == 0.0
    assert SHARE.validate_python(1) == 1.0
    assert reason(SHARE, -0.0001) == "Input should be greater than or equal to 0"
    assert reason(SHARE, 1.0001) == "Input should be less than or equal to 1"
    assert reason(SHARE, float("nan")) == "Input should be a finite number"


# JSON objects

json_texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00\\"), max_size=20)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | json_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_texts, inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int, leaf: Any) -> Any:
    value = leaf
    for _ in range(depth):
        value = {"in": value}
    return value


@given(st.dictionaries(json_texts, json_values, max_size=5))
@settings(max_examples=150)
def test_a_json_object_is_accepted_unchanged(value: dict[str, Any]) -> None:
    taken = JSON_OBJECT.validate_python(value)

    assert json.dumps(taken, sort_keys=True) == json.dumps(value, sort_keys=True)


def test_missing_json_is_none() -> None:
    assert JSON_OBJECT.validate_python(None) is None
    assert JSON_OBJECT.validate_python({}) == {}


@pytest.mark.parametrize("value", [[], [{"a": 1}], "{}", 7, True])
def test_json_that_is_not_an_object_is_rejected(value: Any) -> None:
    assert reason(JSON_OBJECT, value) == 'must be a JSON object, such as {"team": "search"}'


@pytest.mark.parametrize(
    "value",
    [
        {"a": float("nan")},
        {"a": [{"b": float("inf")}]},
        {"a": -float("inf")},
        {"a": "\ud800"},
        {"\udfff": 1},
    ],
)
def test_json_contains_only_finite_numbers_and_valid_text(value: Any) -> None:
    assert reason(JSON_OBJECT, value) == "must contain only finite numbers and valid Unicode text"


@pytest.mark.parametrize("value", [{"a": "x\x00y"}, {"a": [{"b\x00": 1}]}])
def test_json_cannot_contain_nul(value: Any) -> None:
    assert reason(JSON_OBJECT, value) == "must not contain the NUL character"


@pytest.mark.parametrize("text", ["\\u0000", "match \\\\u0000 here", "C:\\u0000"])
def test_a_backslash_and_u0000_are_characters_like_others(text: str) -> None:
    assert JSON_OBJECT.validate_python({"pattern": text}) == {"pattern": text}


def test_json_is_nested_at_most_20_deep() -> None:
    assert JSON_OBJECT.validate_python(nested(20, 1)) == nested(20, 1)
    assert reason(JSON_OBJECT, nested(21, 1)) == "must be nested at most 20 levels deep"
    assert JSON_OBJECT.validate_python(nested(19, {})) == nested(19, {})
    assert reason(JSON_OBJECT, nested(20, {})) == "must be nested at most 20 levels deep"


def test_lists_count_as_depth() -> None:
    assert JSON_OBJECT.validate_python(nested(18, [[1]])) == nested(18, [[1]])
    assert reason(JSON_OBJECT, nested(19, [[1]])) == "must be nested at most 20 levels deep"


def test_json_nested_ten_thousand_deep_is_rejected_like_any_other() -> None:
    assert reason(JSON_OBJECT, nested(10_000, 1)) == "must be nested at most 20 levels deep"


def test_json_has_at_most_16_kib() -> None:
    around = len(b'{"text":""}')

    assert JSON_OBJECT.validate_python({"text": "x" * (16_384 - around)}) == {"text": "x" * (16_384 - around)}
    assert reason(JSON_OBJECT, {"text": "x" * (16_385 - around)}) == "must be at most 16384 bytes as JSON, not 16385"


def test_json_is_measured_in_bytes() -> None:
    assert reason(JSON_OBJECT, {"text": "é" * 8_192}) == "must be at most 16384 bytes as JSON, not 16395"


# The metadata of a call


def size(value: Any) -> int:
    return len(to_json(value))


def is_storable(value: dict[str, Any]) -> bool:
    try:
        JSON_OBJECT.validate_python(value)
    except pydantic.ValidationError as raised:
        return raised.errors()[0]["msg"].startswith("must be at most")
    return True


def left_of(value: dict[str, Any]) -> dict[str, Any]:
    """The metadata that is left after truncation."""
    taken = METADATA.validate_python(value)
    assert isinstance(taken, Truncated)
    return dict(taken)


def test_metadata_within_the_limit_is_accepted_unchanged() -> None:
    fits = {"text": "x" * (16_384 - len(b'{"text":""}'))}

    assert METADATA.validate_python(None) is None
    objects: list[dict[str, Any]] = [{}, fits, nested(20, 1), {"n": [[{}]] * 30}, {"pattern": "\\u0000 NaN"}]
    for value in objects:
        assert METADATA.validate_python(value) is value


@pytest.mark.parametrize("value", [[], [{"a": 1}], "{}", 7, True])
def test_metadata_that_is_not_an_object_is_rejected(value: Any) -> None:
    assert reason(METADATA, value) == 'must be a JSON object, such as {"team": "search"}'


def test_the_largest_keys_of_metadata_are_removed_first() -> None:
    small = {"team": "search", "n": None}

    assert left_of({"text": "x" * 16_374}) == {}
    assert left_of({"text": "é" * 8_192} | small) == small
    assert left_of(small | {"a": "x" * 9_000, "b": "x" * 8_000}) == small | {"b": "x" * 8_000}
    assert left_of({"b": "x" * 9_000, "a": "x" * 9_000}) == {"b": "x" * 9_000}
    # The key counts as well as the value.
    assert left_of({"k" * 9_000: 1, "a": "x" * 8_000}) == {"a": "x" * 8_000}


def test_metadata_is_truncated_no_more_than_needed() -> None:
    at_the_limit = {"a": "x" * 8_184, "b": "x" * 8_185}
    assert size(at_the_limit) == 16_384

    assert METADATA.validate_python(at_the_limit) is at_the_limit
    assert left_of(at_the_limit | {"c": "x" * 8_186}) == at_the_limit
    assert left_of({"a": "x" * 8_185, "b": "x" * 8_185}) == {"b": "x" * 8_185}


@pytest.mark.parametrize(
    "unstorable",
    [
        {"a": float("nan")},
        {"a": [{"b": -float("inf")}]},
        {"a": "\ud800"},
        {"\udfff": 1},
        {"a": "x\x00y"},
        {"a\x00": 1},
        {"a": [{"b\x00": 1}]},
        nested(21, 1),
        nested(20, {}),
        nested(10_000, 1),
        {"a": nested(500, [])},
    ],
)
def test_a_key_of_metadata_that_cannot_be_stored_is_removed(unstorable: dict[str, Any]) -> None:
    valid_metadata = {"team": "search", "deep": nested(19, 1)}

    assert left_of(valid_metadata | unstorable) == valid_metadata
    assert left_of(unstorable) == {}


large_texts = st.builds(str.__mul__, st.text(max_size=3), st.integers(0, 4_000))
any_numbers = st.integers(-(10**30), 10**30) | st.floats()
any_values = st.recursive(
    st.none() | st.booleans() | any_numbers | large_texts | st.sampled_from(["\x00", "\ud800", "\\u0000"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
) | st.integers(15, 25).map(lambda depth: nested(depth, 1))


@given(st.dictionaries(st.text(max_size=5), any_values, max_size=8))
@settings(max_examples=300)
def test_truncated_metadata_has_whole_keys_and_all_of_them_if_they_fit(value: dict[str, Any]) -> None:
    taken = METADATA.validate_python(value)

    # then the remaining keys are unchanged, and are valid as any other JSON
    assert taken is not None
    assert all(taken[key] is value[key] for key in taken)
    assert JSON_OBJECT.validate_python(dict(taken)) == taken
    # and all keys that can be stored remain, except for the largest, until the rest fits
    expected = {key: each for key, each in value.items() if is_storable({key: each})}
    while size(expected) > 16_384:
        del expected[min(expected, key=lambda key: (-size({key: expected[key]}), key))]
    assert list(taken) == list(expected)
    assert isinstance(taken, Truncated) is (len(taken) < len(value))


@pytest.mark.parametrize("text", ["{" * 2_000, "[" * 3_000, "," * 16_000, "{[," * 1_000])
def test_punctuation_within_strings_is_not_counted_as_values(text: str) -> None:
    assert JSON_OBJECT.validate_python({"a": text}) == {"a": text}


@pytest.mark.parametrize(("most", "more"), [([0] * 1_998, [0] * 1_999), ([[0]] * 999, [[0, 0]] + [[0]] * 998)])
def test_the_number_of_values_of_a_json_object_is_limited(most: list[Any], more: list[Any]) -> None:
    # the object, the list and its items count
    assert JSON_OBJECT.validate_python({"a": most}) == {"a": most}
    with pytest.raises(pydantic.ValidationError, match="at most 2000 values"):
        JSON_OBJECT.validate_python({"a": more})


# Time


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_an_iana_zone_is_accepted(name: str) -> None:
    assert TIME_ZONE.validate_python(name) == name


@pytest.mark.parametrize("name", ["", "europe/berlin", "Mars/Phobos", "+02:00", "../UTC", "/etc/passwd", "UTC\x00"])
def test_any_other_zone_is_rejected(name: str) -> None:
    assert reason(TIME_ZONE, name) == "must be an IANA time zone, such as Europe/Berlin"


def test_a_zone_has_at_most_64_characters() -> None:
    assert reason(TIME_ZONE, "z" * 65) == "String should have at most 64 characters"


def test_a_moment_is_converted_to_utc() -> None:
    moment = MOMENT.validate_python("2026-03-01T01:30:00.000001+05:30")

    assert moment == datetime(2026, 2, 28, 20, 0, 0, 1, tzinfo=UTC)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("value", ["2026-03-01T01:30:00", datetime(2026, 3, 1, 1, 30)])  # noqa: DTZ001
def test_a_moment_needs_an_offset(value: Any) -> None:
    assert reason(MOMENT, value) == "Input should have timezone info"


def test_time_begins_in_1970() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    assert MOMENT.validate_python("1970-01-01T00:00:00Z") == epoch
    assert MOMENT.validate_python("1969-12-31T19:00:00-05:00") == epoch
    assert reason(MOMENT, "1969-12-31T23:59:59.999999Z") == "must not be before 1970-01-01T00:00:00Z"
    assert reason(MOMENT, "1970-01-01T00:00:00+00:01") == "must not be before 1970-01-01T00:00:00Z"
    assert reason(MOMENT, "0001-01-01T00:00:00+14:00") == "must not be before 1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "value", ["9999-12-31T23:59:59-00:01", datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-5)))]
)
def test_a_moment_past_the_last_one_in_utc_is_rejected(value: Any) -> None:
    assert reason(MOMENT, value) == "must not be after 9999-12-31T23:59:59Z"


def test_the_last_moment_in_utc_is_accepted() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

    assert MOMENT.validate_python("9999-12-31T23:59:59.999999Z") == last
    assert MOMENT.validate_python("9999-12-31T18:59:59.999999-05:00") == last


# Checked input


def test_checked_input_accepts_the_names_of_the_api() -> None:
    order = Order.checked({"orderName": "o", "lineItems": [{"unitPrice": "0.5", "codeName": "c"}]})

    assert order == Order(order_name="o", line_items=[Item(unit_price=Decimal("0.5"), code_name="c")])


def test_checked_input_accepts_python_names_too() -> None:
    assert Order.checked({"order_name": "o", "max_items": 5}) == Order.checked({"orderName": "o", "maxItems": 5})


@pytest.mark.parametrize("name", ["maxItems", "max_items"])
def test_an_error_names_the_field_as_the_caller_knows_it(name: str) -> None:
    raised = error_of({"orderName": "o", name: -1})

    assert raised.message == "maxItems: Input should be greater than or equal to 0"
    assert raised.path == ["input", "maxItems"]
    assert raised.code is ErrorCode.INVALID_INPUT


def test_an_error_names_the_index_in_a_list() -> None:
    good, bad = {"unitPrice": 1, "codeName": "c"}, {"unitPrice": -1, "codeName": "c"}

    raised = error_of({"orderName": "o", "lineItems": [good, bad]})

    assert raised.message == "lineItems.1.unitPrice: must be from 0 to 100000 USD"
    assert raised.path == ["input", "lineItems", "1", "unitPrice"]


def test_the_path_of_an_error_begins_with_the_callers_prefix() -> None:
    raised = error_of({"orderName": ""}, ("input", 7))

    assert raised.message == "7.orderName: String should have at least 1 character"
    assert raised.path == ["input", "7", "orderName"]


def test_an_error_without_a_field_has_no_path() -> None:
    raised = error_of({"orderName": "\x00o"}, ())

    assert raised.message == "orderName: must not contain the NUL character"
    assert raised.path == ["orderName"]


def test_an_error_of_conflicting_fields_names_none_of_them() -> None:
    with pytest.raises(InvalidInput) as raised:
        Order.checked({"orderName": "o", "maxItems": 0, "lineItems": [{"unitPrice": 1, "codeName": "c"}]})

    assert raised.value.message == "lineItems must not be more than maxItems"
    assert raised.value.path == ["input"]


def test_the_first_of_several_errors_is_reported() -> None:
    assert error_of({"orderName": "", "maxItems": -1}).path == ["input", "orderName"]


def test_a_missing_field_is_named() -> None:
    raised = error_of({})

    assert raised.message == "orderName: Field required"
    assert raised.path == ["input", "orderName"]


def test_an_unknown_field_is_rejected() -> None:
    raised = error_of({"orderName": "o", "colour": "red"})

    assert raised.message == "colour: Extra inputs are not permitted"
    assert raised.path == ["input", "colour"]


@pytest.mark.parametrize("secret", ["sk-live-4242", "sk-live-4242\x00"])
def test_an_error_does_not_repeat_the_value(secret: str) -> None:
    raised = error_of({"orderName": "o", "maxItems": secret})

    assert "sk-live" not in raised.message
    assert "sk-live" not in str(raised)
    assert raised.__cause__ is None
    assert raised.__suppress_context__ is True


def test_checked_input_is_immutable() -> None:
    order = Order(order_name="o")

    with pytest.raises(pydantic.ValidationError):
        order.order_name = "p"  # type: ignore[misc]


# Ids and page sizes


@pytest.mark.parametrize(
    "text",
    [
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "01890A5D-AC96-774B-BCCE-B302099A8057",
        "01890a5dac96774bbcceb302099a8057",
    ],
)
def test_an_identifier_is_the_uuid_it_spells(text: str) -> None:
    assert identifier(text) == UUID(int=0x01890A5DAC96774BBCCEB302099A8057)


@pytest.mark.parametrize(
    "text", ["", "7", "01890a5d-ac96-774b-bcce-b302099a805", "01890a5d-ac96-774b-bcce-b302099a805x"]
)
def test_text_that_is_not_a_uuid_matches_no_id(text: str) -> None:
    assert identifier(text) is None


@pytest.mark.parametrize(("first", "size"), [(None, 20), (1, 1), (20, 20), (500, 500)])
def test_a_page_has_up_to_500_rows_and_20_by_default(first: int | None, size: int) -> None:
    assert page_size(first) == size


@pytest.mark.parametrize("first", [0, -1, 501])
def test_any_other_page_size_is_rejected(first: int) -> None:
    with pytest.raises(InvalidInput) as raised:
        page_size(first)

    assert raised.value.message == f"first: must be from 1 to 500, not {first}"
    assert raised.value.path == ["first"]
