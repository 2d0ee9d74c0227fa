"""Operators that only have a slow kernel, written as those that XNNPACK runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Operator
from liteport.ir.types import Array, DType
from liteport.lowering.basic import gather, scalar
from liteport.lowering.normalization import local_response
from liteport.passes.choose.example import Example, feed
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.signs import not_negative

_MOST_FACTORS = 8


def _exponent(op: Op) -> float | None:
    """The one number that is the exponent everywhere."""
    y = op.operand(1)
    if op.input.dtype is not DType.FLOAT32 or not y.is_const or y.has_sizes or y.array.size != 1:
        return None
    return float(y.array.reshape(())) if y.rank <= op.input.rank else None


def _match_power(graph: Graph, op: Op) -> Site | str | None:
    exponent = _exponent(op)
    if exponent is None:
        return "its exponent is computed, or is not the same everywhere"
    if not np.isfinite(exponent) or exponent == 0:
        return "its exponent is no common number"
    if (4 * exponent).is_integer():
        return Site((op,)) if abs(exponent) <= _MOST_FACTORS else "it has many factors"
    makers = not_negative(graph, op.input)
    if makers is None:
        return "what it takes may be negative, of which XNNPACK's logarithm makes numbers"
    return Site((*makers, op))


def _power(b: Builder, site: Site) -> Value:
    """x ** n by products, x ** (n + 1/2) and x ** (n + 1/4) with roots, and others by a logarithm."""
    x, exponent = site.op.input, _exponent(site.op)
    assert exponent is not None
    size = abs(exponent)
    whole = int(size)
    if not (4 * size).is_integer():
        return b.emit(ops.Exp(), b.emit(ops.Mul(), b.emit(ops.Log(), x), scalar(b, exponent, x)))
    y, root, left = _product(b, x, whole), x, size - whole
    for part in (0.5, 0.25):
        root = b.emit(ops.Sqrt(), root) if left else root
        if left >= part:
            y, left = root if y is None else b.emit(ops.Mul(), y, root), left - part
    assert y is not None
    return b.emit(ops.Div(), scalar(b, 1.0, x), y) if exponent < 0 else y


def _product(b: Builder, x: Value, count: int) -> Value | None:
    """x to the power of `count`, by squaring; None for 0."""
    result, square = None, x
    while count:
        if count & 1:
            result = square if result is None else b.emit(ops.Mul(), result, square)
        count >>= 1
        square = b.emit(ops.Mul(), square, square) if count else square
    return result


def _match_response(graph: Graph, op: Op) -> Site | None:
    return Site((op,)) if op.input.dtype is DType.FLOAT32 else None


def _response(b: Builder, site: Site) -> Value:
    operator: Any = site.op.operator
    near = (operator.radius, operator.radius)
    return local_response(b, site.op.input, near, operator.alpha, operator.beta, operator.bias)


def _match_quotient(graph: Graph, op: Op) -> Site | None:
    return Site((op,)) if op.output.dtype is DType.FLOAT32 else None


def _floored(b: Builder, site: Site) -> Value:
    return b.emit(ops.Floor(), b.emit(ops.Div(), *(op_ for op_ in site.op.inputs if op_ is not None)))


def _match_mirror(graph: Graph, op: Op) -> Site | str | None:
    pads = op.operand(1)
    if not pads.is_const or pads.has_sizes:
        return "its padding is computed"
    own = pads.array.reshape(-1, 2).tolist()
    if not all(isinstance(d, int) for d, p in zip(op.input.shape, own, strict=True) if any(p)):
        return "it depends on a dynamic size"
    return Site((op,)) if op.input.dtype is DType.FLOAT32 else None


def _by_number(b: Builder, site: Site) -> Value:
    """Rows by number, along each dimension that is padded."""
    operator: Any = site.op.operator
    y = site.op.input
    mode: Any = operator.mode.lower()
    for axis, (before, after) in enumerate(site.op.operand(1).array.reshape(-1, 2).tolist()):
        if before or after:
            places: Array = np.pad(np.arange(y.shape[axis]), (before, after), mode=mode)
            y = gather(b, y, places.tolist(), axis)
    return y


def _match_softmax(graph: Graph, op: Op) -> Site | None:
    operator: Any = op.operator
    return Site((op,)) if operator.beta != 1 and op.input.dtype is DType.FLOAT32 else None


def _scaled(b: Builder, site: Site) -> Value:
    operator: Any = site.op.operator
    return b.emit(ops.Softmax(), b.emit(ops.Mul(), site.op.input, scalar(b, operator.beta, site.op.input)))


def _one(id: str, shape: Sequence[int], emit: Callable[[Builder, Value], Value]) -> Example:
    def build(b: Builder) -> Value:
        return emit(b, feed(b, *shape))

    return Example(id, build)


def _with(operator: Operator, number: float) -> Callable[[Builder, Value], Value]:
    return lambda b, x: b.emit(operator, x, scalar(b, number, x))


def _mirrored(shape: Sequence[int], pads: Sequence[tuple[int, int]], mode: str) -> Example:
    def emit(b: Builder, x: Value) -> Value:
        return b.emit(ops.MirrorPad(mode), x, b.const(np.asarray(pads, np.int32)))

    return _one(f"{mode.lower()} {'x'.join(map(str, shape))} by {max(max(p) for p in pads)}", shape, emit)


_NORM = ops.LocalResponseNormalization(radius=2, bias=1.0, alpha=2e-5, beta=0.75)
_WIDE_NORM = ops.LocalResponseNormalization(radius=5, bias=2.0, alpha=0.1, beta=0.6)

POWER = Rule(
    name="powers",
    kind=Kind.ALWAYS,
    before="x ** c",
    after="x * x * ... * sqrt(x) * sqrt(sqrt(x)), or exp(c * log(x))",
    on=(ops.Pow,),
    match=_match_power,
    forms={"products": _power},
    gain="x ** 0.5 of 28x28x64: 0.673 -> 0.046 ms, |x| ** 2.2: 0.538 -> 0.138, x ** 0.75: 0.649 -> 0.086, "
    "x ** 3: 0.044 -> 0.032",
    rests_on="POW is computed number by number, outside XNNPACK",
    tolerance=1e-5,
    examples=[
        _one("x ** 0.5 of 28x28x64", (1, 28, 28, 64), _with(ops.Pow(), 0.5)),
        _one("x ** 1.5 of 28x28x64", (1, 28, 28, 64), _with(ops.Pow(), 1.5)),
        _one("x ** -0.5 of 28x28x64", (1, 28, 28, 64), _with(ops.Pow(), -0.5)),
        _one("x ** 0.75 of 28x28x64", (1, 28, 28, 64), _with(ops.Pow(), 0.75)),
        _one("x ** 2.25 of 28x28x64", (1, 28, 28, 64), _with(ops.Pow(), 2.25)),
        _one("|x| ** 2.2 of 28x28x64", (1, 28, 28, 64), lambda b, x: _with(ops.Pow(), 2.2)(b, b.emit(ops.Abs(), x))),
        _one("x ** 2 of 28x28x64", (1, 28, 28, 64), _with(ops.Pow(), 2)),
        _one("x ** 3 of 28x28x64", (1, 28, 28, 64), _with(ops.Pow(), 3)),
        _one("x ** 7 of 28x28x64", (1, 28, 28, 64), _with(ops.Pow(), 7)),
    ],
)

RESPONSE = Rule(
    name="local response normalisation",
    kind=Kind.ALWAYS,
    before="local_response_normalization(x)",
    after="x / (bias + alpha * (x * x, and what stands beside it)) ** beta",
    on=(ops.LocalResponseNormalization,),
    match=_match_response,
    forms={"composed": _response},
    gain="5 of 28x28x64: 1.85 -> 0.309 ms, of 27x27x256: 6.90 -> 1.07",
    rests_on="LOCAL_RESPONSE_NORMALIZATION is outside XNNPACK, and raises number by number to a power",
    examples=[
        _one("5 of 28x28x64", (1, 28, 28, 64), lambda b, x: b.emit(_NORM, x)),
        _one("5 of 27x27x256", (1, 27, 27, 256), lambda b, x: b.emit(_NORM, x)),
        _one("11 of 14x14x32", (1, 14, 14, 32), lambda b, x: b.emit(_WIDE_NORM, x)),
    ],
)

QUOTIENT = Rule(
    name="floored quotients",
    kind=Kind.ALWAYS,
    before="x // y",
    after="floor(x / y)",
    on=(ops.FloorDiv,),
    match=_match_quotient,
    forms={"floor": _floored},
    gain="28x28x64 by a number: 0.155 -> 0.044 ms",
    rests_on="FLOOR_DIV is computed number by number, outside XNNPACK",
    tolerance=0.0,
    examples=[_one("x // 0.3 of 28x28x64", (1, 28, 28, 64), _with(ops.FloorDiv(), 0.3))],
)

MIRROR = Rule(
    name="mirrored padding",
    kind=Kind.ALWAYS,
    before="mirror_pad(x)",
    after="gather(gather(x, rows), columns)",
    on=(ops.MirrorPad,),
    match=_match_mirror,
    forms={"gather": _by_number},
    gain="64x64x64 by 1: 7.24 -> 0.200 ms, 224x224x3 by 3: 4.14 -> 0.297, 400x80 by 5: 0.648 -> 0.020",
    rests_on="MIRROR_PAD works out the place of every single number; rows are copied in one piece",
    tolerance=0.0,
    examples=[
        _mirrored((1, 64, 64, 64), ((0, 0), (1, 1), (1, 1), (0, 0)), "REFLECT"),
        _mirrored((1, 224, 224, 3), ((0, 0), (3, 3), (3, 3), (0, 0)), "REFLECT"),
        _mirrored((1, 64, 64, 64), ((0, 0), (1, 1), (1, 1), (0, 0)), "SYMMETRIC"),
        _mirrored((1, 400, 80), ((0, 0), (5, 5), (0, 0)), "REFLECT"),
    ],
)

SCALED_SOFTMAX = Rule(
    name="softmax with a factor",
    kind=Kind.ALWAYS,
    before="softmax(x, beta)",
    after="softmax(beta * x)",
    on=(ops.Softmax,),
    match=_match_softmax,
    forms={"mul": _scaled},
    gain="4x196x196: 0.464 -> 0.301 ms",
    rests_on="XNNPACK's softmax has no factor",
    examples=[_one("4x196x196 by 0.125", (4, 196, 196), lambda b, x: b.emit(ops.Softmax(0.125), x))],
)
