"""The benchmark's verdicts, its table, and how files of other converters are read."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import table
from benchmarks.bars import ALL, FASTER, NO_SLOWER, THIRD, Limit, Line, at_most, judge
from benchmarks.foundation import LINES
from benchmarks.score import paired_ratio, permuted, rotated

LIMITS = [
    pytest.param(at_most(3), 3, [], True, id="at the limit"),
    pytest.param(at_most(3), 4, [1], False, id="over it"),
    pytest.param(THIRD, 2.0, [9.0, 6.0], True, id="a third of the best"),
    pytest.param(THIRD, 2.1, [9.0, 6.0], False, id="more than a third of the best"),
    pytest.param(THIRD, 2.0, [], None, id="nobody to compare with"),
    pytest.param(FASTER, 5.0, [5.0, 6.0], False, id="not faster than both"),
    pytest.param(NO_SLOWER, 1.01, [1.0], True, id="within the noise"),
]


@pytest.mark.parametrize(("limit", "ours", "peers", "holds"), LIMITS)
def test_a_limit_holds_or_not(limit: Limit, ours: float, peers: list[float], holds: bool | None) -> None:
    assert limit.holds(ours, peers) is holds


def test_the_median_of_the_runs_is_judged_and_printed() -> None:
    results = {"mobilenet_v2": {"peer": {"seconds": [9.0, 12.0, 99.0]}, "liteport": {"seconds": [3.0, 50.0, 4.0]}}}
    verdicts = [v for v in judge(results, LINES) if v.line.metric == "seconds"]
    rows = table.rows(verdicts, {"liteport": "1.0", "peer": "2.0"}, samples=7)
    assert rows == [
        ["", "peer 2.0", "liteport 1.0", "the bar", ""],
        [
            "mobilenet_v2: process start to file, seconds",
            "12.0",
            "4.0",
            "at most a third of the best peer's",
            "met",
        ],
    ]


def test_latency_is_judged_by_paired_ratios() -> None:
    results = {
        "resnet50": {"liteport": {"latency_ms": 11.0, "ratio": 1.0}, "peer": {"latency_ms": 10.0, "ratio": 0.99}}
    }
    (verdict,) = (v for v in judge(results, LINES) if v.line.metric == "latency_ms")
    assert verdict.passed is True


def test_all_networks_are_judged_by_the_mean_of_their_ratios() -> None:
    results = {
        "a": {"liteport": {"seconds": [1.0]}, "one": {"seconds": [9.0]}, "other": {"seconds": [4.0]}},
        "b": {"liteport": {"seconds": [4.0]}, "one": {"seconds": [9.1]}},
        "c": {"liteport": {"seconds": [4.0]}},
    }
    (verdict,) = judge(results, [Line(ALL, "seconds", THIRD)])
    assert verdict.figures == pytest.approx({"liteport": 1.0, "one": 9.0, "other": 4.0})
    assert verdict.passed is True  # the root of 1/4 * 4/9.1
    results["b"]["one"]["seconds"] = [8.0]
    assert judge(results, [Line(ALL, "seconds", THIRD)])[0].passed is False


def test_a_slow_moment_cancels_out_of_the_ratio() -> None:
    assert paired_ratio([1.0, 8.0, 1.0], [2.0, 16.0, 2.0]) == 0.5


def test_a_line_that_was_not_measured_is_missed() -> None:
    for measured in ({"liteport": {"seconds": [1.0]}}, {"peer": {"latency_ms": 1.0, "peak_mb": 1.0, "ratio": 1.0}}):
        assert {v.passed for v in judge({"resnet50": measured}, LINES)} == {False}


@pytest.mark.parametrize("shape", [(1, 4, 5, 3), (1, 3, 4, 5), (1, 5, 4, 3)])
def test_dimensions_are_brought_into_order(shape: tuple[int, ...]) -> None:
    array = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)
    back = permuted(permuted(array, shape), array.shape)
    np.testing.assert_array_equal(back, array)


def test_sizes_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(ValueError, match="no order of the dimensions"):
        permuted(np.zeros((1, 3, 4), np.float32), (1, 3, 5))


def test_markdown_has_a_rule_under_its_header() -> None:
    assert table.markdown([["", "a"], ["b", "c"]]) == "|  | a |\n| --- | --- |\n| b | c |"


def test_every_file_is_loaded_first_in_its_turn() -> None:
    assert [rotated(["a", "b", "c"], n) for n in (0, 1, 5)] == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]
