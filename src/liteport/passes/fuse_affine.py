"""fuse_affine: per-channel scales and shifts become part of the weights beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Activation, Operator, Padding
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType
from liteport.passes.base import Pass
from liteport.passes.weights import WEIGHTED, WEIGHTS, Weighted

# A shift is not divided by scales beyond these.
_SCALES = 1e-4, 1e4


@dataclass(frozen=True)
class FuseAffine(Pass):
    """conv(x, w, b) * s + t   =>   conv(x, w * s, b * s + t)
    conv(x * s + t, w, b)   =>   conv(x, w * s, b + w . t)        (t only where nothing is padded)
    conv(pad(x * s), w)     =>   conv(pad(x), w * s)
    conv(pad(x * s + t), w) =>   conv(pad(x + t / s), w * s)

    This is batch norm on either side of a convolution or linear layer, layer norm's affine before a
    linear one, and every other constant scale and bias.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in list(graph.ops):
            if type(op.operator) in AFFINE and op.outputs:
                changed |= self.fuse(graph, op)
        for op in reversed(list(graph.ops)):
            if type(op.operator) in AFFINE and op.outputs and op.output.uses:
                changed |= self.fuse_forward(graph, op)
        return changed

    def fuse(self, graph: Graph, op: Op) -> bool:
        """Into the kernel that makes the operation's input."""
        term = _Term.of(op)
        if term is None:
            return False
        producer, shifts = term.value.producer, bool(np.all(term.scale == 1))
        if producer is None or (why := _blocked(graph, term.value, producer, shifts=shifts)):
            self.decline(op, why if producer else "its input has no producer")
            return False
        spot = WEIGHTED[type(producer.operator)]
        scale, shift = term.scale_shift(op.output.shape[-1])
        if not shifts:
            _scale_weights(graph, producer, scale, spot.out_axis)
        _set_bias(graph, producer, spot, scale, shift)
        _adopt(producer, op)
        graph.replace(op, producer.output)
        return True

    def fuse_forward(self, graph: Graph, op: Op) -> bool:
        """Into the kernel that is the only one to use the operation's result."""
        term = _Term.of(op)
        first = graph.sole_user(op.output)
        if term is None or first is None or getattr(op.operator, "activation", None) is not Activation.NONE:
            return False
        if first.operator in (ops.Add(), ops.Sub()):
            return self.fuse_past(graph, op, term, first)
        user, why = _kernel_below(graph, op.output)
        if user is None:
            self.decline(op, why)
            return False
        spot = WEIGHTED[type(user.operator)]
        scale, shift = term.scale_shift(op.output.shape[-1])
        if np.any(shift) and not _sees_no_padding(user):
            self.decline(op, "the kernel pads with zeros, which a shift would change")
            return False
        if np.any(shift):
            _set_bias(graph, user, spot, None, _response(user, spot, shift))
        _scale_inputs(graph, user, spot, scale)
        graph.set_input(first, 0 if first is not user else spot.data, term.value)
        graph.erase(op)
        return True

    def fuse_past(self, graph: Graph, op: Op, term: _Term, total: Op) -> bool:
        """A scale into the kernel behind a shift that stays, as that kernel pads."""
        added = _Term.of(total)
        user, why = _kernel_below(graph, total.output)
        if added is None or user is None or np.any(term.shift):
            self.decline(op, why or "its result is added to what is no constant")
            return False
        if not np.all((np.abs(term.scale) > _SCALES[0]) & (np.abs(term.scale) < _SCALES[1])):
            self.decline(op, "the shift would leave the range of numbers that float32 keeps well")
            return False
        at = 1 if total.operand(1).is_const else 0
        old = total.operand(at)
        shift = (old.array.reshape(-1) / term.scale.astype(np.float64)).astype(np.float32)
        _scale_inputs(graph, user, WEIGHTED[type(user.operator)], term.scale_shift(op.output.shape[-1])[0])
        graph.set_input(total, at, constant(shift, old.name))
        graph.set_input(total, 1 - at, term.value)
        graph.erase(op)
        return True


@dataclass(frozen=True)
class _Term:
    """value * scale + shift, with constants of one number, or one per channel (the last dimension)."""

    value: Value
    scale: Array
    shift: Array

    @staticmethod
    def of(op: Op) -> _Term | None:
        left, right = op.operand(0), op.operand(1)
        if op.output.dtype is not DType.FLOAT32 or not op.output.rank or left.is_const is right.is_const:
            return None
        value, const = (left, right) if right.is_const else (right, left)
        per_channel = const.type.size == 1 or (const.type.size == const.shape[-1] == op.output.shape[-1])
        if const.has_sizes or not is_fixed(op.output.shape[-1:]):
            return None
        if value.type != op.output.type or not per_channel or value.quantization or const.quantization:
            return None
        terms = AFFINE[type(op.operator)](const.array.reshape(-1).astype(np.float64), const is left)
        return _Term(value, *terms) if terms is not None else None

    def scale_shift(self, channels: int) -> tuple[Array, Array]:
        return np.broadcast_to(self.scale, (channels,)), np.broadcast_to(self.shift, (channels,))


# Operator -> (scale, shift) for its constant; `first` says whether the constant is the left operand.
AFFINE: dict[type[Operator], Callable[[Array, bool], tuple[Array, Array] | None]] = {
    ops.Add: lambda c, first: (np.ones(1), c),
    ops.Sub: lambda c, first: (-np.ones(1), c) if first else (np.ones(1), -c),
    ops.Mul: lambda c, first: (c, np.zeros(1)),
    ops.Div: lambda c, first: None if first else (1 / c, np.zeros(1)),
}


def _kernel_below(graph: Graph, value: Value) -> tuple[Op | None, str]:
    """The kernel with weights that alone takes a value, padded or not; None, and why, where there is none."""
    first = graph.sole_user(value)
    pad = first if first is not None and isinstance(first.operator, ops.Pad) else None
    user = graph.sole_user(pad.output) if pad is not None else first
    spot = WEIGHTED.get(type(user.operator)) if user is not None else None
    if user is None or spot is None or user.operand(spot.data) is not (value if pad is None else pad.output):
        return None, f"{first.name} has no weights" if first is not None else "its result has other users"
    why = unfit(graph, user, spot)
    return (None, why) if why else (user, "")


def _blocked(graph: Graph, value: Value, producer: Op, *, shifts: bool) -> str:
    """Why `producer` cannot take a scale and shift on its result, or a shift alone; empty where it can."""
    spot = WEIGHTED.get(type(producer.operator))
    if spot is None:
        return f"{producer.name} has no weights"
    if getattr(producer.operator, "activation", None) is not Activation.NONE:
        return "an activation stands between"
    if graph.sole_user(value) is None:
        return f"its producer has {len(value.users) + graph.is_output(value)} users"
    if shifts and producer.operand(WEIGHTS).dtype is DType.INT8 and _is_real(producer.output):
        return (
            ""
            if all(_is_real(v) and v.is_const for v in [producer.optional(spot.bias)] if v)
            else "its bias is not real"
        )
    return unfit(graph, producer, spot)


def _is_real(value: Value) -> bool:
    return value.dtype is DType.FLOAT32 and value.quantization is None


def unfit(graph: Graph, op: Op, spot: Weighted) -> str:
    bias = op.optional(spot.bias)
    parts = [op.operand(WEIGHTS), *([bias] if bias else [])]
    if not all(p.is_const and p.dtype is DType.FLOAT32 and p.quantization is None for p in parts):
        return "its weights are not float constants"
    tables = [o.operand(0) for o in graph.ops if isinstance(o.operator, ops.Gather)]
    if any(t.is_const and np.may_share_memory(t.array, parts[0].array) for t in tables):
        return "its weights are the table of an embedding too, and would be stored twice"
    return ""


def _sees_no_padding(op: Op) -> bool:
    if isinstance(op.operator, ops.FullyConnected):
        return True
    maker = op.input.producer
    source = maker.input.producer if maker is not None and maker.inputs else None
    padded = any(isinstance(o.operator, ops.Pad | ops.PadV2) for o in (maker, source) if o is not None)
    forward = isinstance(op.operator, ops.Conv2D | ops.DepthwiseConv2D | ops.Conv3D)
    return forward and getattr(op.operator, "padding", None) is Padding.VALID and not padded


def _along(vector: Array, axis: int, rank: int) -> Array:
    return vector.reshape([-1 if i == axis else 1 for i in range(rank)])


def _scale_weights(graph: Graph, op: Op, scale: Array, axis: int) -> None:
    if np.all(scale == 1):
        return
    old = op.operand(WEIGHTS)
    new = old.array * _along(scale.astype(np.float32), axis, old.rank)
    graph.set_input(op, WEIGHTS, constant(new, old.name))


def _set_bias(graph: Graph, op: Op, spot: Weighted, scale: Array | None, shift: Array) -> None:
    while len(op.inputs) <= spot.bias:
        op.inputs.append(None)
    old = op.optional(spot.bias)
    bias = old.array.astype(np.float64) if old else np.zeros(shift.shape)
    new = (bias if scale is None else bias * scale) + shift
    name = old.name if old else f"{op.operand(WEIGHTS).name}/bias"
    graph.set_input(op, spot.bias, constant(new.astype(np.float32), name))


def _scale_inputs(graph: Graph, op: Op, spot: Weighted, scale: Array) -> None:
    weights = op.operand(WEIGHTS)
    if spot.in_axis is None:
        _scale_weights(graph, op, np.repeat(scale, weights.shape[-1] // len(scale)), spot.out_axis)
        return
    per_group = weights.shape[spot.in_axis]
    if per_group == len(scale):
        _scale_weights(graph, op, scale, spot.in_axis)
        return
    groups, outs = len(scale) // per_group, weights.shape[spot.out_axis]
    table: Array = np.repeat(scale.reshape(groups, per_group), outs // groups, axis=0).astype(np.float32)
    shape = [outs if i == spot.out_axis else per_group if i == spot.in_axis else 1 for i in range(weights.rank)]
    graph.set_input(op, WEIGHTS, constant(weights.array * table.reshape(shape), weights.name))


def _response(op: Op, spot: Weighted, shift: Array) -> Array:
    """What the kernel makes of an input that is `shift` everywhere, without its bias."""
    weights = op.operand(WEIGHTS).array.astype(np.float64)
    others = tuple(i for i in range(weights.ndim) if i not in (spot.out_axis, spot.in_axis))
    summed = weights.sum(axis=others)
    if spot.in_axis is None:
        depthwise: Array = summed * np.repeat(shift, len(summed) // len(shift))
        return depthwise
    table = summed if spot.out_axis < spot.in_axis else summed.T
    groups = len(shift) // table.shape[1]
    per_output = np.repeat(shift.reshape(groups, -1), len(table) // groups, axis=0)
    response: Array = (table * per_output).sum(axis=1)
    return response


def _adopt(producer: Op, op: Op) -> None:
    """The kernel takes over the activation of the operation that it swallows."""
    activation = getattr(op.operator, "activation", Activation.NONE)
    if activation is not Activation.NONE:
        linear: Any = producer.operator
        producer.operator = replace(linear, activation=activation)
    producer.version = None
