"""Recurrent layers: exact from any initial state, and the same at every invocation.

The input's share of all gates is one product; what remains is a loop over the steps, whose number does not show in
the number of operators. The two directions of a layer run in one loop, side by side.

LiteRT's own UNIDIRECTIONAL_SEQUENCE_LSTM is one operator and no faster, and its state outlives the invocation:
a second call would go on where the first one ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value, constant
from liteport.ir.sizes import is_fixed
from liteport.ir.types import TensorType
from liteport.lowering import basic, control, joining, matmul

State = tuple[Value, ...]
Values = Sequence[Value]

# A loop costs about 16 microseconds, and a step of it one more than the same step without.
_UNROLLED = 8
# A loop hands its outputs on at every step. Beyond two blocks of so many steps (or the square root of them all, if that
# is more) they are collected in blocks, by a loop in the loop: twice as fast over 512 steps.
_BLOCK = 16


@dataclass(frozen=True)
class Weights:
    """One direction of one layer: input[G*H, I], hidden[G*H, P], their biases[G*H], projection[P, H] if P is not H.

    The G gates stand one after the other: LSTM input, forget, cell, output; GRU reset, update, new.
    """

    input: Value
    hidden: Value
    input_bias: Value | None = None
    hidden_bias: Value | None = None
    projection: Value | None = None


@dataclass(frozen=True)
class Recurrence:
    """What the steps of a layer apply to the state: hidden[G*H, P], bias[G*H], projection[P, H]; for two directions
    hidden[2, P, G*H], bias[2, G*H], projection[2, H, P], to states with a leading dimension of 2.
    """

    hidden: Value
    bias: Value | None = None
    projection: Value | None = None


# A cell takes the input's share of the gates, [.., B, G*H], and the state, whose first value is the output, [.., B, P].
Cell = Callable[[Builder, Value, State, Recurrence], State]


def lstm_cell(b: Builder, gates: Value, state: State, recurrence: Recurrence) -> State:
    """c' = forget * c + input * cell;  h' = output * tanh(c')"""
    hidden, memory = state
    total = b.emit(ops.Add(), gates, _share(b, hidden, recurrence))
    put_in, forget, cell, put_out = joining.pieces(b, total, -1, [memory.shape[-1]] * 4)
    kept = b.emit(ops.Mul(), b.emit(ops.Logistic(), forget), memory)
    added = b.emit(ops.Mul(), b.emit(ops.Logistic(), put_in), b.emit(ops.Tanh(), cell))
    memory = b.emit(ops.Add(), kept, added)
    hidden = b.emit(ops.Mul(), b.emit(ops.Logistic(), put_out), b.emit(ops.Tanh(), memory))
    if recurrence.projection is not None:
        hidden = _product(b, hidden, recurrence.projection)
    return hidden, memory


def gru_cell(b: Builder, gates: Value, state: State, recurrence: Recurrence) -> State:
    """n = tanh(new_x + reset * new_h);  h' = n + update * (h - n)"""
    (hidden,) = state
    size = hidden.shape[-1]
    own, new = joining.pieces(b, gates, -1, [2 * size, size])
    own_share, new_share = joining.pieces(b, _share(b, hidden, recurrence), -1, [2 * size, size])
    reset, update = joining.pieces(b, b.emit(ops.Logistic(), b.emit(ops.Add(), own, own_share)), -1, [size, size])
    fresh = b.emit(ops.Tanh(), b.emit(ops.Add(), new, b.emit(ops.Mul(), reset, new_share)))
    return (b.emit(ops.Add(), fresh, b.emit(ops.Mul(), update, b.emit(ops.Sub(), hidden, fresh))),)


def plain_cell(activation: type[ops.Unary]) -> Cell:
    """h' = activation(x's share + h's share)"""

    def cell(b: Builder, gates: Value, state: State, recurrence: Recurrence) -> State:
        return (b.emit(activation(), b.emit(ops.Add(), gates, _share(b, state[0], recurrence))),)

    return cell


def step(b: Builder, x: Value, state: State, weights: Weights, cell: Cell) -> State:
    """The state after x[B, I]."""
    return cell(b, matmul.linear(b, x, weights.input, weights.input_bias), state, _recurrence(b, [weights]))


def layers(
    b: Builder, x: Value, states: Sequence[Value], weights: Sequence[Weights], cell: Cell, directions: int
) -> tuple[Value, list[Value]]:
    """A stack of layers on x[T, B, I], each of one direction or two, whose outputs are joined.

    `weights` come layer by layer, forward before backward, and so do the rows of each initial state
    [layers * directions, B, ..]. The outputs of the last layer, [T, B, directions * P], and the last states.
    """
    ends: list[list[Value]] = []
    for first in range(0, len(weights), directions):
        start = tuple(_side_by_side(b, basic.narrow(b, state, 0, first, directions)) for state in states)
        x, end = _layer(b, x, start, weights[first : first + directions], cell)
        ends.append([basic.reshape(b, v, (directions, *v.shape[-2:])) for v in end])
    return x, [joining.join(b, parts, 0) for parts in zip(*ends, strict=True)]


def _layer(b: Builder, x: Value, start: State, weights: Sequence[Weights], cell: Cell) -> tuple[Value, State]:
    """The outputs [T, B, directions * P] of one layer on x[T, B, I], and its last state.

    The second direction sees the steps in reverse, beside the first: both take their gates from the same place.
    """
    steps, batch, _ = x.shape
    seen = [x, joining.flip(b, x, [0])][: len(weights)]
    shares = [matmul.linear(b, s, w.input, w.input_bias) for s, w in zip(seen, weights, strict=True)]
    gates = joining.join(b, [basic.unsqueeze(b, s, 1) for s in shares], 1)
    gates = basic.reshape(b, gates, (steps * start[0].shape[0], *start[0].shape[1:-1], shares[0].shape[-1]))
    run = _unrolled if is_fixed([steps]) and steps <= _UNROLLED else _looped
    outputs, end = run(b, gates, start, _recurrence(b, weights), cell)
    outputs = basic.reshape(b, outputs, (steps, len(weights), batch, outputs.shape[-1]))
    forward, *backward = joining.unstack(b, outputs, 1)
    return joining.join(b, [forward, *(joining.flip(b, v, [0]) for v in backward)], 2), end


def _unrolled(b: Builder, gates: Value, state: State, recurrence: Recurrence, cell: Cell) -> tuple[Value, State]:
    """The outputs of all steps, one after the other along the first dimension as the gates are, and the last state."""
    rows = state[0].shape[0]
    outputs: list[Value] = []
    for step in range(gates.shape[0] // rows):
        state = cell(b, basic.narrow(b, gates, 0, step * rows, rows), state, recurrence)
        outputs.append(state[0])
    return joining.join(b, outputs, 0), state


def _looped(b: Builder, gates: Value, start: State, recurrence: Recurrence, cell: Cell) -> tuple[Value, State]:
    """The same as `_unrolled`, by a loop, or a loop over blocks of steps in which a loop runs."""
    rows = start[0].shape[0]
    total = gates.shape[0]
    count = total // rows
    block = (max(_BLOCK, isqrt(count)) if is_fixed([count]) else _BLOCK) * rows

    def one(b: Builder, at: Value, share: Values, state: Values) -> tuple[Values, Values]:
        end = cell(b, share[0], tuple(state), recurrence)
        return end[:1], end

    def steps(b: Builder, gates: Value, stop: Value, start: Values) -> tuple[Values, Values]:
        outputs = TensorType(gates.dtype, (gates.shape[0], *start[0].shape[1:]))
        return control.scan(b, one, start, [gates], [outputs], rows=rows, stop=stop)

    def blocks(b: Builder, at: Value, share: Values, state: Values) -> tuple[Values, Values]:
        left = b.emit(ops.Minimum(), b.emit(ops.Sub(), stop, at), basic.ints(b, [block]))
        return steps(b, share[0], left, state)

    stop = basic.ints(b, [total])
    if is_fixed([count]) and count <= 2 * (block // rows):
        (outputs,), end = steps(b, gates, stop, start)
        return outputs, tuple(end)
    whole = -(-total // block) * block
    gates = basic.pad(b, gates, [(0, whole - total), *[(0, 0)] * (gates.rank - 1)])
    slots = TensorType(gates.dtype, (whole, *start[0].shape[1:]))
    (outputs,), end = control.scan(b, blocks, start, [gates], [slots], rows=block, stop=stop)
    return basic.narrow(b, outputs, 0, 0, total), tuple(end)


def _recurrence(b: Builder, weights: Sequence[Weights]) -> Recurrence:
    """The weights of one direction as they are, those of two side by side and ready for a BATCH_MATMUL."""
    if len(weights) == 1:
        (one,) = weights
        return Recurrence(one.hidden, one.hidden_bias, one.projection)
    biases = [w.hidden_bias for w in weights if w.hidden_bias is not None]
    projections = [w.projection for w in weights if w.projection is not None]
    return Recurrence(
        _columns(b, [w.hidden for w in weights]),
        _stack(b, biases) if biases else None,
        _columns(b, projections) if projections else None,
    )


def _columns(b: Builder, matrices: Sequence[Value]) -> Value:
    """Matrices, each transposed, along a new first dimension."""
    return _stack(b, [constant(m.array.T, m.name) if m.is_const else basic.transpose(b, m, [1, 0]) for m in matrices])


def _stack(b: Builder, values: Sequence[Value]) -> Value:
    """Values of one shape along a new first dimension; a constant where they are, for the loop to know it as one."""
    if all(v.is_const for v in values):
        return b.const(np.stack([v.array for v in values]), name=values[0].name)
    return joining.stack(b, values, 0)


def _side_by_side(b: Builder, state: Value) -> Value:
    """The state [directions, B, ..] as the cells want it, [B, ..] where there is one direction."""
    return basic.squeeze(b, state, 0) if state.shape[0] == 1 else state


def _share(b: Builder, hidden: Value, recurrence: Recurrence) -> Value:
    """The state's share of the gates."""
    return _product(b, hidden, recurrence.hidden, recurrence.bias)


def _product(b: Builder, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """x[B, I] with weight[O, I], or x[2, B, I] with weight[2, I, O], and a bias."""
    if weight.rank == 2:
        return matmul.linear(b, x, weight, bias)
    product = matmul.batch_matmul(b, x, weight)
    return product if bias is None else b.emit(ops.Add(), product, basic.unsqueeze(b, bias, 1))
