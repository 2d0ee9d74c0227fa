"""The table of latencies: ratios to the fastest peer, their bars, and the means."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.latency import ratios, rows

MEASURED: dict[str, dict[str, Any]] = {
    "liteport": {"ratio": 1.0},
    "liteport --prefer latency": {"ratio": 1.25},
    "one": {"ratio": 0.5},
    "other": {"ratio": 0.9},
}


def test_the_fastest_peer_counts() -> None:
    assert ratios(MEASURED) == pytest.approx({"default": 0.9, "--prefer latency": 0.72})


def test_without_a_peer_there_is_no_ratio() -> None:
    assert ratios({"liteport": {"ratio": 1.0}}) is None


def test_each_bar_and_the_means_are_judged() -> None:
    table, met = rows({"resnet18": MEASURED, "unet": MEASURED, "dcgan": {"liteport": {"ratio": 1.0}}})
    assert table == [
        ["", "default", "--tune", "--prefer latency"],
        ["resnet18", "0.90 (1.00)", "-", "0.72 (0.80)"],
        ["unet", "0.90 (1.02)", "-", "0.72 (1.02)"],
        ["the six dense networks, geometric mean (1)", "0.90 (0.75, MISSED)", "-", "0.72 (1.02)"],
        ["all networks, geometric mean (2)", "0.90 (0.82, MISSED)", "-", "0.72 (0.74)"],
    ]
    assert not met
