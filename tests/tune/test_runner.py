"""The measuring itself: in turns, until it is clear."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.backends.tflite.writer import to_bytes
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module
from liteport.ir.types import DType, TensorType
from liteport.tune import runner


def product(size: int) -> bytes:
    graph = Graph(signature="main")
    b = Builder(graph)
    x, i = b.input(TensorType(DType.FLOAT32, (32, size)), "x"), b.input(TensorType(DType.INT32, (3,)), "i")
    y = b.emit(ops.FullyConnected(), x, b.const(np.ones((size, size), np.float32)), None)
    graph.outputs, graph.output_names = [y, b.emit(ops.Add(), i, i)], ["y", "j"]
    return to_bytes(Module([graph]))


def test_the_faster_one_is_found() -> None:
    times = runner.measure({"large": product(512), "small": product(64)}, seconds=5.0)
    assert 0 < 4 * times["small"][0] < times["large"][0]
    assert all(0 <= spread < typical for typical, spread in times.values())


def test_what_cannot_be_run() -> None:
    with pytest.raises(runner.RuntimeFailure, match="cannot run a candidate"):
        runner.measure({"bad": b"nonsense"})


def test_a_candidate_that_cannot_be_run_is_left_out() -> None:
    assert list(runner.measure({"bad": b"nonsense", "good": product(8)}, seconds=0.1)) == ["good"]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Models with times of their own, of which one depends on when it was loaded; the turns that they had."""
    called: list[str] = []
    loaded: list[str] = []

    def load(model: str, threads: int) -> str:
        loaded.append(model)
        return model

    def burst(model: str, runs: int, now: object) -> float:
        called.append(model)
        placed = 1.05 if loaded[-1] == "near" else 1.0
        return {"slow": 2.0, "fast": 1.0, "near": 1.01 * placed}[model]

    monkeypatch.setattr(runner, "open_model", load)
    monkeypatch.setattr(runner, "_warm", lambda model, now: 1)
    monkeypatch.setattr(runner, "_burst", burst)
    return called


def test_a_clear_case_is_left_early(turns: list[str]) -> None:
    times = runner.measure({name: name for name in ("slow", "fast")}, seconds=60)
    assert times == {"slow": [2.0, 0.0], "fast": [1.0, 0.0]}
    assert turns.count("slow") == turns.count("fast") == 5
    assert turns[:4] == ["slow", "fast", "fast", "slow"]


def test_near_ones_are_loaded_again(turns: list[str]) -> None:
    times = runner.measure({name: name for name in ("near", "slow", "fast")}, seconds=60)
    assert turns.count("near") == turns.count("fast") > 3 * turns.count("slow")
    assert times["fast"] == [1.0, 0.0]
    assert times["near"][0] == pytest.approx(1.01)
    assert times["near"][1] == pytest.approx(0.02525)  # half of what the loadings differ by


def test_what_this_machine_is() -> None:
    assert runner.runtime().startswith("ai-edge-litert ")
    assert runner.device()
