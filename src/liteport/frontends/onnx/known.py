"""Nodes on constants, computed at once: axes, sizes and shapes, which lowerings need as numbers, come out of such.

Sizes that are only known when the model runs take part as Sizes. What is left to the IR (large results, and operators
that have no rule for Sizes) becomes operations on constants, which the passes fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from onnx import NodeProto
from onnx.reference import ReferenceEvaluator

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.attributes import subgraphs
from liteport.frontends.onnx.tensors import carried
from liteport.ir.graph import Value, constant
from liteport.ir.sizes import is_fixed, larger, smaller
from liteport.ir.types import Array, DType

_SMALL = 4096  # elements, operands and results together, up to which any node on constants is computed
# Random numbers; and constants that are quantised, whose lowering keeps their scale.
_LEFT = frozenset(
    {
        *("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"),
        "DequantizeLinear",
    }
)
# Their bodies see values around them, and may take for ever.
_CONTROL = frozenset({"If", "Loop", "Scan"})
# Their results are no tensors.
_SEQUENCES = frozenset({"SequenceEmpty", "SequenceConstruct", "SplitToSequence"})


def evaluate(
    node: NodeProto, operands: Sequence[Value | None], given: Mapping[str, Any], opset: int
) -> list[Value] | None:
    """The node's results as constants; None where they are not known, or left to the IR."""
    if any(v is not None and not v.is_const for v in operands) or node.op_type in _LEFT | _CONTROL | _SEQUENCES:
        return None
    arrays = [None if v is None else v.array for v in operands]
    if any(a is not None and a.dtype == object for a in arrays):
        return _of_sizes(node, operands, given)
    if node.op_type in _VIEWS and arrays and arrays[0] is not None:
        return [constant(_VIEWS[node.op_type](*arrays, **given), node.output[0])]
    if sum(a.size for a in arrays if a is not None) > _SMALL or not _stays_small(node, arrays, given):
        return None
    return _computed(node, arrays, opset)


def _constant(array: Array, dtype: DType, node: NodeProto) -> Value:
    """A constant of numbers, Sizes among them or not."""
    plain = is_fixed(array.reshape(-1).tolist())
    return constant(array.astype(dtype.numpy) if plain else array, node.output[0], dtype)


def _stays_small(node: NodeProto, arrays: Sequence[Array | None], given: Mapping[str, Any]) -> bool:
    """Whether the results are small too: a few numbers can ask for many."""
    size = _GROWING.get(node.op_type)
    if size is None or any(a is None for a in arrays[:2]):
        return node.op_type not in _UNMEASURED and not any(True for _ in subgraphs(node))
    try:
        return bool(size(*arrays[:3]) <= _SMALL)
    except (ArithmeticError, TypeError, ValueError):  # it does not fit: the lowering complains
        return False


def _product(numbers: Array) -> int:
    return prod(abs(n) for n in numbers.reshape(-1).tolist())


# How many elements results have, by the operands.
_GROWING: Mapping[str, Callable[..., float]] = {
    "ConstantOfShape": lambda shape, *_: _product(shape),
    "Expand": lambda x, shape, *_: x.size * _product(shape),
    "Tile": lambda x, repeats, *_: x.size * _product(repeats),
    "Range": lambda start, limit, delta: abs((limit.item() - start.item()) / delta.item()),
    "Pad": lambda x, *pads: x.size * (1 + (int(np.abs(pads[0]).sum()) if pads else 0)),
    "OneHot": lambda index, depth, *_: index.size * abs(depth.item()),
}
_UNMEASURED = frozenset(
    {"Resize", "Upsample", "EyeLike", "HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix", "Col2Im"}
)


def _computed(node: NodeProto, arrays: Sequence[Array | None], opset: int) -> list[Value] | None:
    """By ONNX's own reference implementation; None where it has none, or results have types of their own."""
    feeds = {n: a for n, a in zip(node.input, arrays, strict=True) if n and a is not None}
    try:
        evaluator = ReferenceEvaluator(node, opsets={node.domain: opset, "": opset})
        results = evaluator.run(None, feeds)
    except Exception:  # whatever it does not have or does not like is the lowering's to do, or to complain about
        return None
    if not all(
        isinstance(r, np.ndarray) and r.size <= _SMALL and r.dtype.kind in "fiub" for r in map(np.asarray, results)
    ):
        return None
    return [constant(carried(np.asarray(r)), name) for r, name in zip(results, node.output, strict=False)]


# Movements of constants are views of the same memory, however large.


def _reshape(x: Array, shape: Array, *, allowzero: int = 0) -> Array:
    sizes = [x.shape[i] if n == 0 and not allowzero else n for i, n in enumerate(shape.tolist())]
    return x.reshape(sizes)


def _transpose(x: Array, *, perm: Sequence[int] | None = None) -> Array:
    return x.transpose(perm)


def _squeeze(x: Array, at: Array | None = None, *, axes: Sequence[int] | None = None) -> Array:
    chosen = axes if at is None else at.reshape(-1).tolist()
    return x.squeeze(tuple(chosen) if chosen and x.ndim else None)  # a value without dimensions counts as one with one


def _unsqueeze(x: Array, at: Array | None = None, *, axes: Sequence[int] = ()) -> Array:
    chosen = axes if at is None else at.reshape(-1).tolist()
    rank = x.ndim + len(chosen)
    places = {a % rank for a in chosen}
    left = iter(x.shape)
    return x.reshape([1 if i in places else next(left) for i in range(rank)])


_VIEWS: Mapping[str, Callable[..., Array]] = {
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Identity": lambda x: x,
}


# Arithmetic with Sizes, on arrays of objects.


def _of_sizes(node: NodeProto, operands: Sequence[Value | None], given: Mapping[str, Any]) -> list[Value] | None:
    rule = _RULES.get(node.op_type)
    if rule is None:
        return None
    arrays = [None if v is None else v.array.astype(object) for v in operands]
    dtype = next(v.dtype for v in operands if v is not None and v.data is not None and v.data.dtype == object)
    try:
        result = np.asarray(rule(*arrays, **given), object)
    except (UnsupportedError, TypeError):  # that depends on what the sizes are: it is computed when the model runs
        return None
    return [_constant(result, DType.BOOL if node.op_type in _QUESTIONS else dtype, node)]


def _elementwise(function: Callable[[Any, Any], Any]) -> Callable[..., Array]:
    vectorized = np.frompyfunc(function, 2, 1)

    def rule(*arrays: Array) -> Array:
        return np.asarray(reduce(vectorized, arrays), object)

    return rule


def _quotient(a: int, b: int) -> int:
    """a / b, rounded towards 0 as ONNX has it."""
    return a // b if (a >= 0) == (b > 0) else -((-a) // b)


def _cast(x: Array, *, to: int, **_: Any) -> Array:
    """From integer to integer; a Size is no float, which ends in an error where there are any."""
    if to not in (6, 7):
        raise UnsupportedError("a size as another type")
    return x


def _slice(x: Array, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None) -> Array:
    at = range(len(starts)) if axes is None else axes.tolist()
    strides = [1] * len(starts) if steps is None else steps.tolist()
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(at, starts.tolist(), ends.tolist(), strides, strict=True):
        index[axis] = slice(int(start), int(end), int(step))
    return x[tuple(index)]


def _range(start: Array, limit: Array, delta: Array) -> Array:
    return np.array(range(start.item(), limit.item(), delta.item()), object)


def _where(condition: Array, x: Array, y: Array) -> Array:
    chosen: Array = np.where(condition.astype(bool), x, y)
    return chosen


_QUESTIONS = frozenset({"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"})

_RULES: Mapping[str, Callable[..., Array]] = {
    **_VIEWS,
    "Add": _elementwise(lambda a, b: a + b),
    "Sub": _elementwise(lambda a, b: a - b),
    "Mul": _elementwise(lambda a, b: a * b),
    "Div": _elementwise(_quotient),
    "Max": _elementwise(larger),
    "Min": _elementwise(smaller),
    "Equal": _elementwise(lambda a, b: a == b),
    "Less": _elementwise(lambda a, b: a < b),
    "Greater": _elementwise(lambda a, b: a > b),
    "LessOrEqual": _elementwise(lambda a, b: a <= b),
    "GreaterOrEqual": _elementwise(lambda a, b: a >= b),
    "Neg": lambda x: -x,
    "Cast": _cast,
    "Concat": lambda *xs, axis: np.concatenate(xs, axis),
    "Gather": lambda x, index, axis=0: np.take(x, index.astype(np.int64), axis),
    "Slice": _slice,
    "Range": _range,
    "Where": _where,
    "ReduceProd": lambda x, *_, keepdims=1, **__: np.array(prod(x.reshape(-1).tolist()), object).reshape(
        (1,) * x.ndim if keepdims else ()
    ),
}
