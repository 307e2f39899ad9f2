from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.cost_alert import (
    AlertState,
    CreateCostAlert,
    Spending,
    UnknownCost,
    UpdateCostAlert,
    is_clear,
    rolling_state_of,
    state_of,
)
from domain.error import InvalidInput
from domain.window import AlertPeriod, CustomPeriod, PeriodUnit, WeekDay, Window, WindowMode

NANO_DOLLAR = Decimal("1E-9")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# Rolling alerts

amounts_ = st.decimals(0, 30, places=9)
percents = st.floats(0.5, 100, allow_nan=False)


@given(amounts_, st.decimals("0.000000001", 20, places=9), percents)
@settings(max_examples=300)
def test_a_clear_rolling_alert_is_below_its_lines(amount: Decimal, threshold: Decimal, percent: float) -> None:
    if is_clear(amount, threshold, percent):
        assert state_of(amount, threshold, percent) is AlertState.ACTIVE
        assert rolling_state_of(amount, threshold, percent, list(AlertState)) is AlertState.ACTIVE
    else:
        fired = [AlertState.NEAR_LIMIT]
        assert rolling_state_of(amount, threshold, percent, fired) is not AlertState.ACTIVE
        assert rolling_state_of(amount, threshold, percent, []) is state_of(amount, threshold, percent)
    assert Fraction(amount) * 8000 < Fraction(threshold) * Fraction(repr(percent)) * 75 or not is_clear(
        amount, threshold, percent
    )


@pytest.mark.parametrize(
    ("amount", "percent", "clear"),
    [("7.499999999", 80.0, True), ("7.5", 80.0, False), ("3.749999999", 40.0, True), ("3.75", 40.0, False)],
)
def test_the_amounts_at_which_a_rolling_alert_at_10_usd_clears(amount: str, percent: float, clear: bool) -> None:
    assert is_clear(Decimal(amount), Decimal(10), percent) is clear


# States


def test_states_have_the_names_of_the_api_in_the_order_they_are_reached() -> None:
    assert [state.value for state in AlertState] == ["ACTIVE", "NEAR_LIMIT", "TRIGGERED"]


@pytest.mark.parametrize(
    ("amount", "threshold", "percent", "state"),
    [
        ("0", "5", 80.0, AlertState.ACTIVE),
        ("3.999999999", "5", 80.0, AlertState.ACTIVE),
        ("4", "5", 80.0, AlertState.NEAR_LIMIT),
        ("4.999999999", "5", 80.0, AlertState.NEAR_LIMIT),
        ("5", "5", 80.0, AlertState.TRIGGERED),
        ("5.000000000", "5", 80.0, AlertState.TRIGGERED),
        ("5.000000001", "5", 80.0, AlertState.TRIGGERED),
        ("500", "5", 80.0, AlertState.TRIGGERED),
        # At 100 % there is nothing between active and triggered.
        ("4.999999999", "5", 100.0, AlertState.ACTIVE),
        ("5", "5", 100.0, AlertState.TRIGGERED),
        # The smallest budget.
        ("0", "0.000000001", 0.5, AlertState.ACTIVE),
        ("0.000000001", "0.000000001", 80.0, AlertState.TRIGGERED),
        # 33.3 as a float is a little less than 33.3, 0.1 a little more than 0.1: the decimal counts.
        ("332999999.999999999", "1000000000", 33.3, AlertState.ACTIVE),
        ("333000000", "1000000000", 33.3, AlertState.NEAR_LIMIT),
        ("999999.999999999", "1000000000", 0.1, AlertState.ACTIVE),
        ("1000000", "1000000000", 0.1, AlertState.NEAR_LIMIT),
        # A threshold that a float cannot tell from its neighbour.
        ("999999999.999999998", "999999999.999999999", 100.0, AlertState.ACTIVE),
        ("999999999.999999999", "999999999.999999999", 100.0, AlertState.TRIGGERED),
        # 33.33333333333333 % of it is 1E-25 USD more than this.
        ("3333333.333333332", "9999999.999999997", 33.33333333333333, AlertState.ACTIVE),
    ],
)
def test_the_state_at_a_threshold(amount: str, threshold: str, percent: float, state: AlertState) -> None:
    assert state_of(Decimal(amount), Decimal(threshold), percent) is state


def test_a_sum_that_floats_would_round_reaches_its_threshold_exactly() -> None:
    # As floats, 0.1 + 0.2 is more than 0.3, and ten times 0.1 is less than 1.
    assert state_of(Decimal("0.1") + Decimal("0.2"), Decimal("0.300000001"), 100.0) is AlertState.ACTIVE
    assert state_of(Decimal("0.1") + Decimal("0.2"), Decimal("0.3"), 100.0) is AlertState.TRIGGERED
    assert state_of(sum([Decimal("0.1")] * 10, Decimal(0)), Decimal(1), 80.0) is AlertState.TRIGGERED
    assert state_of(sum([Decimal("0.1")] * 8, Decimal(0)), Decimal(1), 80.0) is AlertState.NEAR_LIMIT


nano_dollars = st.integers(min_value=1, max_value=10**18)
percents = st.floats(min_value=0, max_value=100, exclude_min=True) | st.sampled_from(
    [0.1, 33.3, 80.0, 80.1, 99.9, 100.0]
)


@given(nano_dollars, percents, st.integers(min_value=-2, max_value=2))
@settings(max_examples=400)
def test_a_state_agrees_with_exact_fractions(threshold: int, percent: float, off_by: int) -> None:
    near_limit = Fraction(threshold) * Fraction(repr(percent)) / 100
    for amount in (max(int(near_limit) + off_by, 0), max(threshold + off_by, 0)):
        if amount >= threshold:
            expected = AlertState.TRIGGERED
        elif amount >= near_limit:
            expected = AlertState.NEAR_LIMIT
        else:
            expected = AlertState.ACTIVE

        assert state_of(amount * NANO_DOLLAR, threshold * NANO_DOLLAR, percent) is expected


@given(nano_dollars, nano_dollars, nano_dollars, percents)
@settings(max_examples=150)
def test_more_spend_never_lowers_the_state(amount: int, more: int, threshold: int, percent: float) -> None:
    order = list(AlertState)

    before = state_of(amount * NANO_DOLLAR, threshold * NANO_DOLLAR, percent)
    after = state_of((amount + more) * NANO_DOLLAR, threshold * NANO_DOLLAR, percent)

    assert order.index(before) <= order.index(after)


# Usage of an alert


@pytest.mark.parametrize(
    ("amount", "threshold", "percent_used", "remaining"),
    [
        ("0", "5", 0.0, "5"),
        ("1.25", "5", 25.0, "3.75"),
        ("5", "5", 100.0, "0"),
        ("7.5", "5", 150.0, "0"),
        ("0.3", "0.9", 33.333333333333336, "0.6"),
        ("4.999999999", "5", 99.99999998, "0.000000001"),
        ("0.000000001", "1000000000", 1e-16, "999999999.999999999"),
    ],
)
def test_the_used_percentage_and_the_remaining_amount(
    amount: str, threshold: str, percent_used: float, remaining: str
) -> None:
    spending = Spending(
        window=Window(utc("2026-05-04T00:00:00Z"), utc("2026-05-05T00:00:00Z")),
        amount=Decimal(amount),
        threshold=Decimal(threshold),
        state=AlertState.ACTIVE,
        resets_at=utc("2026-05-05T00:00:00Z"),
    )

    assert spending.percent_used == percent_used
    assert spending.remaining == Decimal(remaining)


# New and changed alerts

DAILY: dict[str, Any] = {"thresholdAmount": "5", "period": "DAILY"}
EVERY_DAY: dict[str, Any] = {"every": 1, "unit": "DAY", "anchor": "2026-05-04T09:00:00+02:00"}


def creation_error(values: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        CreateCostAlert.checked(values)
    return raised.value


def test_an_alert_needs_a_threshold_and_a_period() -> None:
    alert = CreateCostAlert.checked(DAILY)

    assert alert.model_dump() == {
        "alert_type": None,
        "threshold_amount": Decimal(5),
        "period": AlertPeriod.DAILY,
        "mode": WindowMode.CALENDAR,
        "time_zone": "UTC",
        "near_limit_percent": 80.0,
        "enforced": False,
        "custom": None,
        "week_start": WeekDay.MONDAY,
        "month_anchor": 1,
        "unknown_cost": UnknownCost.REFUSE,
    }


def test_a_custom_alert_needs_its_definition() -> None:
    alert = CreateCostAlert.checked(DAILY | {"period": "CUSTOM", "custom": EVERY_DAY})

    assert alert.custom == CustomPeriod(every=1, unit=PeriodUnit.DAY, anchor=utc("2026-05-04T07:00:00Z"))


@pytest.mark.parametrize("anchor", ["2200-01-01T00:00:00.000001Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00"])
def test_an_anchor_further_away_is_rejected(anchor: str) -> None:
    raised = creation_error(DAILY | {"period": "CUSTOM", "custom": EVERY_DAY | {"anchor": anchor}})

    assert raised.path == ["input", "custom", "anchor"]


@pytest.mark.parametrize("values", [{"period": "CUSTOM"}, {"period": "DAILY", "custom": EVERY_DAY}])
def test_only_a_custom_period_can_have_a_definition(values: dict[str, Any]) -> None:
    raised = creation_error(DAILY | values)

    assert raised.message == "custom is required when period is CUSTOM, and not allowed otherwise"
    assert raised.path == ["input"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"thresholdAmount": "0"}, "thresholdAmount: must be more than 0 and at most 1000000000 USD"),
        ({"nearLimitPercent": 0}, "nearLimitPercent: Input should be greater than 0"),
        ({"nearLimitPercent": 100.1}, "nearLimitPercent: Input should be less than or equal to 100"),
        ({"nearLimitPercent": float("nan")}, "nearLimitPercent: Input should be a finite number"),
        ({"timeZone": "Mars/Phobos"}, "timeZone: must be an IANA time zone, such as Europe/Berlin"),
        ({"mode": "SLIDING"}, "mode: Input should be 'CALENDAR' or 'ROLLING'"),
        (
            {"period": "YEARLY"},
            "period: Input should be 'HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY' or 'CUSTOM'",
        ),
        ({"custom": EVERY_DAY | {"every": 0}}, "custom.every: Input should be greater than or equal to 1"),
        ({"custom": EVERY_DAY | {"every": 1001}}, "custom.every: Input should be less than or equal to 1000"),
        ({"custom": EVERY_DAY | {"unit": "MONTH"}}, "custom.unit: Input should be 'HOUR', 'DAY' or 'WEEK'"),
        ({"custom": EVERY_DAY | {"anchor": "2026-05-04T09:00:00"}}, "custom.anchor: Input should have timezone info"),
    ],
)
def test_an_alert_out_of_bounds_is_rejected(values: dict[str, Any], message: str) -> None:
    assert creation_error(DAILY | values).message == message


def test_the_bounds_themselves_are_accepted() -> None:
    least = CreateCostAlert.checked(DAILY | {"nearLimitPercent": 0.001})
    most = CreateCostAlert.checked(
        DAILY | {"nearLimitPercent": 100, "period": "CUSTOM", "custom": EVERY_DAY | {"every": 1000}}
    )

    assert least.near_limit_percent == 0.001
    assert most.near_limit_percent == 100.0
    assert most.custom == CustomPeriod(every=1000, unit=PeriodUnit.DAY, anchor=utc("2026-05-04T07:00:00Z"))


def test_an_update_has_its_given_fields() -> None:
    assert UpdateCostAlert.checked({}).model_fields_set == set()
    assert UpdateCostAlert.checked({"active": True, "timeZone": "UTC"}).model_fields_set == {"active", "time_zone"}


@pytest.mark.parametrize("field", ["thresholdAmount", "active", "nearLimitPercent", "enforced", "timeZone"])
def test_no_field_of_an_alert_can_be_cleared(field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        UpdateCostAlert.checked({field: None})

    assert raised.value.path == ["input", field]


def test_an_update_has_the_bounds_of_a_new_alert() -> None:
    with pytest.raises(InvalidInput) as raised:
        UpdateCostAlert.checked({"thresholdAmount": 0})

    assert raised.value.message == "thresholdAmount: must be more than 0 and at most 1000000000 USD"
