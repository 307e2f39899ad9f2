"""Latency histograms: log-spaced buckets that are merged by addition and give every percentile within 2 %.

The buckets are those of DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
Relative-Error Guarantees", VLDB 2019): bucket i holds latencies in (g^(i-1), g^i] with g = (1 + a) / (1 - a).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

RELATIVE_ERROR: Final = 0.02
_GROWTH: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GROWTH: Final = math.log(_GROWTH)
_INSTANT: Final = -1
"""The bucket of 0 ms, which has no logarithm."""


def bucket_of(latency_ms: int) -> int:
    """The bucket that counts this latency in ms."""
    return math.ceil(math.log(latency_ms) / _LOG_GROWTH) if latency_ms else _INSTANT


def latency_of(bucket: int) -> float:
    """The latency in ms that represents a bucket. It is within 2 % of every latency in the bucket."""
    return 2 * _GROWTH**bucket / (_GROWTH + 1) if bucket != _INSTANT else 0.0


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The percentile of the latency in ms, within 2 %; None without calls. `share` is 0 to 1: 0.95 is the 95th percentile.

    It is the nearest-rank percentile: the smallest latency that at least `share` of the calls do not exceed.
    """
    calls = sum(counts.values())
    rank = max(math.ceil(share * calls), 1)
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0 and calls:
            return latency_of(bucket)
    return None
