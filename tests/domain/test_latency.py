"""Latency histograms: percentiles within 2 %, and sums that merge."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bounds import MAX_LATENCY_MS
from domain.latency import RELATIVE_ERROR, bucket_of, latency_of, percentile

SAMPLE = Path(__file__).parents[1] / "data/aider_usage_sample.csv"
SHARES = (0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
# A double has 15 digits: a value on the edge of a bucket may be outside by this much.
ROUNDING = 1e-9

latencies = st.one_of(
    st.integers(0, MAX_LATENCY_MS), st.integers(0, 100), st.integers(0, 86).map(lambda power: int(1.2**power))
)
samples = st.lists(latencies, min_size=1, max_size=200)


def sample_latencies() -> list[int]:
    with SAMPLE.open(newline="") as file:
        return [int(row["latency_ms"]) for row in csv.DictReader(file) if row["latency_ms"]]


def exact(values: Sequence[int], share: float) -> int:
    """The exact nearest-rank percentile."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def histogram(values: Sequence[int]) -> Counter[int]:
    return Counter(map(bucket_of, values))


def is_near(estimate: float | None, right: int) -> bool:
    return estimate is not None and abs(estimate - right) <= (RELATIVE_ERROR + ROUNDING) * right


def test_the_error_is_two_percent() -> None:
    assert RELATIVE_ERROR == 0.02


@given(latencies)
def test_the_value_of_a_bucket_is_within_two_percent_of_each_latency_in_it(latency: int) -> None:
    assert is_near(latency_of(bucket_of(latency)), latency)


def test_every_latency_up_to_a_minute_and_the_ends_are_within_two_percent() -> None:
    for latency in (*range(60_001), MAX_LATENCY_MS - 1, MAX_LATENCY_MS):
        assert is_near(latency_of(bucket_of(latency)), latency), latency


def test_zero_is_exact_and_distinct_from_a_millisecond() -> None:
    assert latency_of(bucket_of(0)) == 0.0
    assert bucket_of(0) < bucket_of(1)


@given(latencies, latencies)
def test_buckets_ascend_with_latency(one: int, other: int) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


def test_a_day_fits_in_a_few_hundred_buckets() -> None:
    assert bucket_of(MAX_LATENCY_MS) < 500


@given(samples, st.one_of(st.sampled_from(SHARES), st.floats(0, 1)))
def test_percentiles_are_the_nearest_rank_within_two_percent(values: list[int], share: float) -> None:
    assert is_near(percentile(histogram(values), share), exact(values, share))


@given(samples, samples)
def test_histograms_are_merged_by_addition(some: list[int], others: list[int]) -> None:
    assert histogram(some) + histogram(others) == histogram(some + others)


def test_an_empty_histogram_has_no_percentile() -> None:
    assert percentile({}, 0.5) is None
    assert percentile({3: 0}, 0.5) is None


@pytest.mark.parametrize("share", SHARES)
def test_percentiles_of_real_latencies_are_within_two_percent(share: float) -> None:
    values = sample_latencies()
    assert len(values) > 100
    assert is_near(percentile(histogram(values), share), exact(values, share))
