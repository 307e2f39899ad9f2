"""The statements that add calls to the sums of A/B tests and of their groups."""

from __future__ import annotations

from typing import Final

from models.ab_group import GROUP_KEY
from models.ab_test import SUMS
from models.database.bulk import Grouped, additions

# The capped cost of a call in USD; the database stores nano-dollars. NULL if the test has no cap, and so compares no costs.
_CAPPED: Final = (
    "(CAST(CASE WHEN r.cost > t.cost_cap THEN t.cost_cap WHEN t.cost_cap IS NOT NULL THEN r.cost END "
    "AS DOUBLE PRECISION) / 1000000000)"
)
_SERVED: Final = "FILTER (WHERE r.success)"

GROUP_SUMS: Final = Grouped(
    {name: f"r.{name}" for name in GROUP_KEY},
    {
        "assigned": "count(*) FILTER (WHERE r.ab_assigned)",
        "calls": "count(*)",
        "successes": f"count(*) {_SERVED}",
        "timed": f"count(r.log_latency) {_SERVED}",
        "log_latency_sum": f"coalesce(sum(r.log_latency) {_SERVED}, 0)",
        "log_latency_squares": f"coalesce(sum(r.log_latency * r.log_latency) {_SERVED}, 0)",
        "priced": f"count({_CAPPED}) {_SERVED}",
        "capped_cost_sum": f"coalesce(sum({_CAPPED}) {_SERVED}, 0)",
        "capped_cost_squares": f"coalesce(sum({_CAPPED} * {_CAPPED}) {_SERVED}, 0)",
    },
    join="JOIN router_ab_tests t ON t.user_id = r.user_id AND t.id = r.ab_test_id",
    where="r.ab_counted",
)
"""The sums that calls add to `router_ab_groups`. `GroupSums` computes the same in Python."""


def _sums_of(variant: str) -> str:
    of = f"WHERE r.ab_variant = '{variant.upper()}'"
    return (
        f"count(*) FILTER ({of}) AS variant_{variant}_calls, "
        f"count(*) FILTER ({of} AND r.success) AS variant_{variant}_success, "
        f"count(r.latency_ms) FILTER ({of}) AS variant_{variant}_latency_count, "
        f"coalesce(sum(r.latency_ms) FILTER ({of}), 0) AS variant_{variant}_latency_sum_ms, "
        f"coalesce(sum(r.cost) FILTER ({of}), 0) AS variant_{variant}_total_cost, "
        f"count(*) FILTER ({of} AND r.cost IS NULL) AS variant_{variant}_unpriced"
    )


ADD_TO_TESTS: Final = (
    f"UPDATE router_ab_tests SET {additions('router_ab_tests', SUMS, 'held')} FROM ("
    f"SELECT s.* FROM (SELECT r.user_id, r.ab_test_id, {_sums_of('a')}, {_sums_of('b')} "
    "FROM {rows} WHERE r.ab_counted GROUP BY r.user_id, r.ab_test_id) s "
    # Locks the rows in key order first; an UPDATE alone would lock them in any order.
    "JOIN router_ab_tests t ON t.user_id = s.user_id AND t.id = s.ab_test_id ORDER BY t.user_id, t.id {locked}"
    ") AS held WHERE router_ab_tests.user_id = held.user_id AND router_ab_tests.id = held.ab_test_id"
)
"""Adds calls to the sums of the tests that count them. `sums_of_tests` computes the same in Python."""
