"""What every family of ONNX lowerings needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from liteport.frontends.onnx.context import Lowering, OnnxBuilder
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic
from liteport.lowering.formula import Term, emit
from liteport.lowering.operands import align, convert, wide

MICROSOFT = "com.microsoft"  # the domain of ONNX Runtime's own operators


def terms(b: OnnxBuilder, *values: Value, dtype: DType | None = None) -> list[Term]:
    """Operands that broadcast, of one type (`dtype`, or what theirs is computed in), for a formula."""
    kind = wide(values[0].dtype) if dtype is None else dtype
    return [Term(b, v) for v in align(b, [convert(b, v, kind) for v in values])]


def computed(function: Callable[..., Term], tensors: int = 1) -> Lowering:
    """The lowering by a formula of `tensors` Terms and the node's attributes; the result has the operands' type."""

    def lowering(b: OnnxBuilder, *inputs: Value, **attributes: Any) -> Value:
        return convert(b, function(*terms(b, *inputs), **attributes).value, inputs[0].dtype)

    signature = inspect.signature(function)
    names = [n for n, p in signature.parameters.items() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    # What a node may have: as many inputs, and the formula's other arguments as attributes.
    return described(lowering, names[:tensors], names[tensors:])


def described(lowering: Lowering, inputs: Sequence[str], attributes: Sequence[str]) -> Lowering:
    """The lowering with a signature that tells which inputs and attributes it takes."""
    kinds = inspect.Parameter
    parameters = [kinds(name, kinds.POSITIONAL_ONLY) for name in ("b", *inputs)]
    parameters += [kinds(name, kinds.KEYWORD_ONLY, default=None) for name in attributes]
    vars(lowering)["__signature__"] = inspect.Signature(parameters)
    return lowering


def binary(function: Callable[[Term, Term], Term]) -> Lowering:
    """The lowering by a formula of two Terms; before opset 7 the second is told at which axis it begins."""

    def lowering(b: OnnxBuilder, x: Value, y: Value, *, broadcast: int = 0, axis: int | None = None) -> Value:
        return convert(b, function(*terms(b, x, broadcast_at(b, x, y, axis))).value, x.dtype)

    return lowering


def broadcast_at(b: OnnxBuilder, x: Value, y: Value, axis: int | None) -> Value:
    """y with dimensions of 1 behind its own, which are those of x from `axis` on."""
    if axis is None:
        return y
    return basic.reshape(b, y, (*y.shape, *(1,) * (x.rank - axis % x.rank - y.rank)))


def single(operator: ops.Operator) -> Lowering:
    """The lowering by one operator of one operand, without attributes."""
    return computed(lambda x: emit(operator, x))


def folded(combine: Callable[[OnnxBuilder, Value, Value], Value]) -> Lowering:
    """The lowering of an operator of any number of operands, two at a time from the left."""

    def lowering(b: OnnxBuilder, first: Value, *others: Value) -> Value:
        for other in others:
            first = combine(b, first, other)
        return first

    return lowering
