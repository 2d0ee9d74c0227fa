"""The ONNX standard's own cases once more, in TensorFlow: those that pass in LiteRT pass there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

pytest.importorskip("onnx.backend.test.loader")

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.ir.graph import Module
from liteport.ir.types import Array
from liteport.passes.choose.choose import Choice, Prefer
from liteport.passes.pipeline import optimise

tf = tensorflow()

from liteport.backends.tensorflow.walk import Walk  # noqa: E402
from liteport.backends.tensorflow.weights import Variables  # noqa: E402


class Eager:
    """A module run operation by operator, in the place of LiteRT."""

    def __init__(self, module: Module, threads: int = 1) -> None:
        self.module = module

    def run(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array]:
        (graph,) = (each for each in self.module.signatures if each.signature == signature)
        given = [tf.constant(inputs[name]) for name in graph.input_names]
        results = Walk(self.module, Variables()).write(graph, given)
        return {name: result.numpy() for name, result in zip(graph.output_names, results, strict=True)}


@pytest.mark.slow
def test_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.conformance_onnx import cases, results, runner, scope

    def plainly(module: Module, evaluate: Any) -> None:
        optimise(module, evaluate, Choice(Prefer.PLAIN))

    monkeypatch.setattr(runner, "LiteRT", Eager)
    monkeypatch.setattr(runner, "to_bytes", lambda module: module)
    monkeypatch.setattr(runner, "optimise", plainly)
    before = {name for tally in results.load().tallies.values() for name in tally.failures}
    counted = [case for case in cases.load() if scope.reason(case.model) is None and case.name not in before]
    assert len(counted) > 1700
    found = {case.name: runner.run(case) for case in counted}
    assert {name: o.reason for name, o in found.items() if o.status is runner.Status.FAILED} == {}
