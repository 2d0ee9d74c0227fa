"""PyTorch's own operator samples (torch.testing._internal's op_db), converted, run in LiteRT and compared."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.passes.pipeline import optimise
from tests.harness import SIGNATURE, TOLERANCE, compare


@dataclass(frozen=True)
class Outcome:
    """What became of one sample: passed, or the reason why not. `skipped` samples say nothing of liteport."""

    passed: bool
    reason: str = ""
    skipped: bool = False


class _Call(nn.Module):
    """An operator on its sample's arguments, of which the tensors are inputs."""

    def __init__(self, call: Any, spec: Any, leaves: list[Any]) -> None:
        super().__init__()
        self.call, self.spec = call, spec
        self.fixed = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        self.places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]

    def forward(self, *tensors: torch.Tensor) -> Any:
        leaves = list(self.fixed)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        args, kwargs = pytree.tree_unflatten(leaves, self.spec)
        return self.call(*args, **kwargs)


def samples(op: Any, dtype: torch.dtype) -> Iterator[tuple[nn.Module, tuple[torch.Tensor, ...]]]:
    """Each of the operator's samples as a module and its inputs."""
    torch.manual_seed(0)
    for sample in op.sample_inputs("cpu", dtype, requires_grad=False):
        leaves, spec = pytree.tree_flatten(((sample.input, *sample.args), dict(sample.kwargs)))
        tensors = tuple(leaf.clone() for leaf in leaves if isinstance(leaf, torch.Tensor))
        yield _Call(op.op, spec, leaves), tensors


def run(module: nn.Module, tensors: tuple[torch.Tensor, ...]) -> Outcome:
    """Converts the call, and compares LiteRT with PyTorch on the sample itself."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        model = TorchModel({SIGNATURE: Entry(module.eval(), tensors)})
        try:
            module(*[t.clone() for t in tensors])
        except Exception as error:
            return Outcome(False, f"PyTorch itself: {_short(error)}", skipped=True)
        try:
            ir = model.to_ir()
            optimise(ir, evaluate)
            got = LiteRT(to_bytes(ir), threads=1).run(model.example(SIGNATURE))
            expected = model.run(model.example(SIGNATURE), SIGNATURE)
        except Exception as error:  # every failure is a result here
            return Outcome(False, _short(error))
    try:
        compare(expected, got, TOLERANCE)
    except AssertionError as error:
        return Outcome(False, _short(error))
    return Outcome(True)


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' | '.join(lines[:2])[:160]}"
