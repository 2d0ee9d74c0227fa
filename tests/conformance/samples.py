"""PyTorch's own operator samples (torch.testing._internal's op_db), converted, run in LiteRT and compared."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils import _pytree as pytree

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.frontends.torch.context import to_numpy
from liteport.frontends.torch.export import quiet
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.passes.pipeline import optimise
from tests.harness import SIGNATURE, TOLERANCE, compare

DTYPES = ("float32", "int64", "bool", "float16")

# An operator with more samples than this, of one type, is tried on as many, spread evenly over all.
MOST_SAMPLES = 100

# torch.export's own errors where a size, or which way the code goes, depends on the values of tensors.
_DATA_DEPENDENT = ("DataDependentOutputException", "GuardOnDataDependentSymNode", "PendingUnbackedSymbolNotFound")

# Operators that choose one of several equal elements, which PyTorch leaves open, and where the dimension stands
# among their arguments: a place is right if the element there is.
_CHOOSING = {"sort": 0, "argsort": 0, "median": 0, "mode": 0, "nanmedian": 0, "topk": 1, "kthvalue": 1}

Sample = tuple[nn.Module, tuple[torch.Tensor, ...]]
Arrays = dict[str, Any]


class Status(Enum):
    PASSED = "passed"
    FAILED = "failed"
    # A sample that says nothing of a conversion: PyTorch itself fails on it, or draws random numbers, ...
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """What became of one sample, and why if it did not pass."""

    status: Status
    reason: str = ""


class _Call(nn.Module):
    """An operator on its sample's arguments, of which the tensors are inputs; complex results as pairs of numbers."""

    def __init__(self, call: Any, spec: Any, leaves: list[Any], chosen: int | None = None) -> None:
        super().__init__()
        self.chosen = chosen  # the dimension along which it chooses elements
        self.call, self.spec = call, spec
        self.fixed = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        self.places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]

    def forward(self, *tensors: torch.Tensor) -> Any:
        leaves = list(self.fixed)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        args, kwargs = pytree.tree_unflatten(leaves, self.spec)
        return pytree.tree_map(_pairs, self.call(*args, **kwargs))


def _pairs(result: Any) -> Any:
    """The real and imaginary parts of complex numbers."""
    is_complex = isinstance(result, torch.Tensor) and result.is_complex()
    return torch.view_as_real(result.resolve_conj()) if is_complex else result


def name(op: Any) -> str:
    """The operator's name and variant, which together are unique."""
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


OPERATORS = {name(op): op for op in op_db}


def dtypes(op: Any) -> list[str]:
    """The element types, among those tried, of which the operator has samples."""
    return [dtype for dtype in DTYPES if getattr(torch, dtype) in op.dtypes]


def samples(op: Any, dtype: str, most: int = MOST_SAMPLES) -> Iterator[Sample]:
    """The operator's samples, each as a module and its inputs; `most` of them, spread evenly over all."""
    there = count(op, dtype)
    chosen = {round(i) for i in np.linspace(0, there - 1, min(there, most))}
    for i, sample in enumerate(_drawn(op, dtype)):
        if i not in chosen:
            continue
        leaves, spec = pytree.tree_flatten(((sample.input, *sample.args), dict(sample.kwargs)))
        yield (
            _Call(op.op, spec, leaves, _dimension(op, sample)),
            tuple(_copied(leaf) for leaf in leaves if isinstance(leaf, torch.Tensor)),
        )


def _results(module: nn.Module, tensors: tuple[torch.Tensor, ...]) -> tuple[Arrays, Arrays]:
    """What PyTorch gives, and what LiteRT does, by name."""
    model = TorchModel({SIGNATURE: Entry(module.eval(), tensors)})
    with quiet(), torch.no_grad():
        ir = model.to_ir()
        optimise(ir, evaluate)
        got = LiteRT(to_bytes(ir), threads=1).run(model.example(SIGNATURE))
        return model.run(model.example(SIGNATURE), SIGNATURE), got


def count(op: Any, dtype: str) -> int:
    """How many samples the operator has."""
    return sum(1 for _ in _drawn(op, dtype))


def run(module: nn.Module, tensors: tuple[torch.Tensor, ...]) -> Outcome:
    """Converts the call, and compares LiteRT with PyTorch on the sample itself."""
    if why := _says_nothing(module, tensors):
        return Outcome(Status.SKIPPED, why)
    try:
        _judge(module, tensors, *_results(module, tensors))
    except Exception as error:  # every failure is a result here
        if any(sign in str(error) for sign in _DATA_DEPENDENT):
            return Outcome(Status.SKIPPED, "torch.export itself refuses it: sizes or branches depend on data")
        return Outcome(Status.FAILED, _short(error))
    return Outcome(Status.PASSED)


def _drawn(op: Any, dtype: str) -> Iterator[Any]:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    yield from op.sample_inputs("cpu", getattr(torch, dtype), requires_grad=False)


def _dimension(op: Any, sample: Any) -> int | None:
    """Along which dimension an operator chooses elements; None for other operators."""
    if op.name not in _CHOOSING:
        return None
    given = sample.args[_CHOOSING[op.name] :]
    dim = sample.kwargs.get("dim", given[0] if given else -1)
    return int(dim)


def _element(array: Any, x: torch.Tensor, dim: int) -> Any:
    """The elements of x that stand at the places in `array`."""
    if not x.ndim:
        return array
    places = torch.from_numpy(array)
    whole = places if places.ndim == x.ndim else places.unsqueeze(dim)
    return to_numpy(x.gather(dim, whole).reshape(places.shape))


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    """A copy, so that operators that write in place leave the next run its input."""
    return tensor.detach().clone()


def _says_nothing(module: nn.Module, tensors: tuple[torch.Tensor, ...]) -> str:
    """Why a sample is skipped, by what PyTorch itself makes of it; empty where it is not."""
    try:
        with quiet(), torch.no_grad():
            first, second = ([_copied(t) for t in _tensors(module(*map(_copied, tensors)))] for _ in range(2))
    except Exception as error:
        return f"PyTorch itself: {_short(error)}"
    if not first:
        return "no tensor comes out"
    if any(t.is_complex() for t in tensors):
        return "complex numbers come in"
    if any(t.layout is not torch.strided for t in (*tensors, *first)):
        return "sparse tensors"
    if not tensors and not any(t.numel() for t in first):
        return "nothing goes in, and a tensor without elements comes out"
    if not all(torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)) for a, b in zip(first, second, strict=True)):
        return "random numbers, or memory that is not initialised"
    return ""


def _judge(module: nn.Module, tensors: tuple[torch.Tensor, ...], expected: Arrays, got: Arrays) -> None:
    """The tests' own comparison. Where PyTorch's float32 is off by more than the tolerance itself, as its float64
    shows, LiteRT may be as far from float64 as PyTorch's float32 is. Raises AssertionError.
    """
    try:
        compare(expected, got, TOLERANCE)
    except AssertionError as error:
        if isinstance(module, _Call) and module.chosen is not None:
            _judge_elements(expected, got, tensors[0], module.chosen)
            return
        if (exact := _in_double(module, tensors)) is None or len(exact) != len(expected):
            raise
        for (key, want), truth in zip(expected.items(), exact, strict=True):
            if truth.shape != want.shape or not _as_near(want, got[key], truth):
                raise error


def _judge_elements(expected: Arrays, got: Arrays, x: torch.Tensor, dim: int) -> None:
    """The comparison of values as they are, and of places by the elements that stand there."""
    places = [name for name, array in expected.items() if array.dtype == np.int64]
    if len(places) == len(expected) > 1:  # of integers too the first result is the values
        places.pop(0)
    values = [name for name in expected if name not in places]
    compare({n: expected[n] for n in values}, {n: got[n] for n in values}, TOLERANCE)
    wanted, found = ({n: _element(results[n], x, dim) for n in places} for results in (expected, got))
    compare(wanted, found, TOLERANCE)


def _as_near(expected: Any, got: Any, exact: Any) -> bool:
    """Whether `got` is no farther from the exact result than the tolerance, or than `expected` is."""
    if got.shape != exact.shape or got.dtype != expected.dtype:
        return False
    if exact.dtype != np.float64 or not np.array_equal(np.isfinite(got), np.isfinite(exact)):
        return np.array_equal(got, expected)
    finite = np.isfinite(exact)
    scale = max(1.0, float(np.abs(exact[finite]).max(initial=0)))
    allowed = max(TOLERANCE * scale, float(np.abs(expected[finite] - exact[finite]).max(initial=0)))
    same = np.array_equal(got[~finite], exact[~finite].astype(got.dtype), equal_nan=True)
    return same and float(np.abs(got[finite] - exact[finite]).max(initial=0)) <= allowed


def _in_double(module: nn.Module, tensors: tuple[torch.Tensor, ...]) -> list[Any] | None:
    """The results in float64; None where PyTorch cannot compute them."""
    wide = [t.double() if t.is_floating_point() else _copied(t) for t in tensors]
    try:
        with quiet(), torch.no_grad():
            results = _tensors(module(*wide))
    except Exception:
        return None
    return [t.numpy() if t.dtype is torch.float64 else to_numpy(t) for t in results]


def _tensors(results: Any) -> list[torch.Tensor]:
    return [leaf for leaf in pytree.tree_leaves(results) if isinstance(leaf, torch.Tensor)]


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' | '.join(lines[:2])[:160]}"
