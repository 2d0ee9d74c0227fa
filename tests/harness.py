"""The one check of lowerings and passes: convert, run in LiteRT, compare with PyTorch on fresh random inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.errors import LiteportError
from liteport.frontends.torch.context import to_numpy
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.ir.graph import Graph
from liteport.passes.pipeline import optimise

SIGNATURE = "serving_default"
# A few float32 roundings, relative to the largest expected magnitude (and 1).
TOLERANCE = 2e-6


@dataclass
class Case:
    """A function or module on example inputs; what its operators, or its error, should be.

    `ops` is the exact list of operators, in order. `error` is a piece of the message with which the
    conversion must end. `tolerance` is relative to the largest expected magnitude (and 1): the default is a
    few float32 roundings; a case that needs more says why beside it. `draws`: fresh random inputs beside the example;
    `also`: further inputs to run on.
    """

    id: str
    model: Callable[..., Any]
    inputs: Sequence[Any]
    ops: Sequence[str] | None = None
    error: str | None = None
    tolerance: float = TOLERANCE
    draws: int = 1
    also: Sequence[Sequence[torch.Tensor]] = ()


def cases(table: Sequence[Case]) -> pytest.MarkDecorator:
    """Parametrises a test over a table of cases, refusing duplicate ids."""
    ids = [c.id for c in table]
    duplicates = {i for i in ids if ids.count(i) > 1}
    if duplicates:
        raise ValueError(f"duplicate case ids: {sorted(duplicates)}")
    return pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in table])


class Function(nn.Module):
    def __init__(self, call: Callable[..., Any]) -> None:
        super().__init__()
        self.call = call

    def forward(self, *args: Any) -> Any:
        return self.call(*args)


def check(case: Case) -> Graph | None:
    """Runs the case; the optimised graph, or None where an error was due."""
    module = case.model if isinstance(case.model, nn.Module) else Function(case.model)
    model = TorchModel({SIGNATURE: Entry(module.eval(), tuple(case.inputs))})
    if case.error is not None:
        with pytest.raises(LiteportError) as caught:
            model.to_ir()
        assert case.error in str(caught.value)
        return None
    ir = model.to_ir()
    optimise(ir, evaluate, debug=True)
    runner = LiteRT(to_bytes(ir), threads=1)
    example = model.example(SIGNATURE)
    drawn = [example, *(fresh(example, seed=draw + 1) for draw in range(case.draws))]
    given = [{name: to_numpy(t) for name, t in zip(example, tensors, strict=True)} for tensors in case.also]
    for inputs in drawn + given:
        compare(model.run(inputs, SIGNATURE), runner.run(inputs, SIGNATURE), case.tolerance)
    if case.ops is not None:
        assert [op.name for op in ir.graphs[0].ops] == list(case.ops)
    return ir.graphs[0]


def fresh(example: dict[str, Any], seed: int) -> dict[str, Any]:
    """Random arrays like the example's: floats with its mean and spread, integers within its range."""
    rng = np.random.default_rng(seed)
    return {name: np.asarray(_like(rng, array)) for name, array in example.items()}


def _like(rng: np.random.Generator, array: Any) -> Any:
    if array.size == 0:
        return array
    if array.dtype == bool:
        return rng.random(array.shape) < 0.5
    if np.issubdtype(array.dtype, np.integer):
        return rng.integers(int(array.min()), int(array.max()) + 1, array.shape).astype(array.dtype)
    if np.iscomplexobj(array):
        return (_like(rng, array.real) + 1j * _like(rng, array.imag)).astype(array.dtype)
    if not np.isfinite(array).all():
        return array
    low, high = array.min(), array.max()
    return np.clip(rng.normal(array.mean(), array.std(), array.shape), low, high).astype(array.dtype)


def compare(expected: dict[str, Any], got: dict[str, Any], tolerance: float) -> None:
    """Shapes and types equal, integers and NaNs exactly, floats within `tolerance` of the largest magnitude."""
    assert list(expected) == list(got) or set(expected) == set(got)
    for name, want in expected.items():
        have = got[name]
        assert have.shape == want.shape, f"{name}: {have.shape} instead of {want.shape}"
        assert have.dtype == want.dtype, f"{name}: {have.dtype} instead of {want.dtype}"
        if np.iscomplexobj(want):
            want, have = (np.stack([v.real, v.imag]) for v in (want, have))
        if not np.issubdtype(want.dtype, np.floating):
            np.testing.assert_array_equal(have, want, err_msg=name)
            continue
        finite = np.isfinite(want)
        np.testing.assert_array_equal(have[~finite], want[~finite], err_msg=name)
        if finite.any():
            scale = max(1.0, float(np.abs(want[finite]).max()))
            worst = float(np.abs(have[finite].astype(np.float64) - want[finite]).max())
            assert worst <= tolerance * scale, f"{name}: worst error {worst:.3g} at scale {scale:.3g}"
