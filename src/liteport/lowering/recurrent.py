"""Recurrent layers, step by step: exact from any initial state, the same at every invocation, all of it in XNNPACK.

LiteRT's own UNIDIRECTIONAL_SEQUENCE_LSTM is one operator, but its state outlives the invocation: a
second call would go on where the first one ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering import basic, joining, matmul

State = tuple[Value, ...]


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


# A cell takes the input's share of the gates, [B, G*H], and the state, whose first value is the output, [B, P].
Cell = Callable[[Builder, Value, State, Weights], State]


def lstm_cell(b: Builder, gates: Value, state: State, weights: Weights) -> State:
    """c' = forget * c + input * cell;  h' = output * tanh(c')"""
    hidden, memory = state
    total = b.emit(ops.Add(), gates, _share(b, hidden, weights))
    put_in, forget, cell, put_out = joining.pieces(b, total, 1, [memory.shape[1]] * 4)
    kept = b.emit(ops.Mul(), b.emit(ops.Logistic(), forget), memory)
    added = b.emit(ops.Mul(), b.emit(ops.Logistic(), put_in), b.emit(ops.Tanh(), cell))
    memory = b.emit(ops.Add(), kept, added)
    hidden = b.emit(ops.Mul(), b.emit(ops.Logistic(), put_out), b.emit(ops.Tanh(), memory))
    if weights.projection is not None:
        hidden = matmul.linear(b, hidden, weights.projection)
    return hidden, memory


def gru_cell(b: Builder, gates: Value, state: State, weights: Weights) -> State:
    """n = tanh(new_x + reset * new_h);  h' = n + update * (h - n)"""
    (hidden,) = state
    size = hidden.shape[1]
    own, new = joining.pieces(b, gates, 1, [2 * size, size])
    own_share, new_share = joining.pieces(b, _share(b, hidden, weights), 1, [2 * size, size])
    reset, update = joining.pieces(b, b.emit(ops.Logistic(), b.emit(ops.Add(), own, own_share)), 1, [size, size])
    fresh = b.emit(ops.Tanh(), b.emit(ops.Add(), new, b.emit(ops.Mul(), reset, new_share)))
    return (b.emit(ops.Add(), fresh, b.emit(ops.Mul(), update, b.emit(ops.Sub(), hidden, fresh))),)


def plain_cell(activation: type[ops.Unary]) -> Cell:
    """h' = activation(x's share + h's share)"""

    def cell(b: Builder, gates: Value, state: State, weights: Weights) -> State:
        return (b.emit(activation(), b.emit(ops.Add(), gates, _share(b, state[0], weights))),)

    return cell


def step(b: Builder, x: Value, state: State, weights: Weights, cell: Cell) -> State:
    """The state after x[B, I]."""
    return cell(b, matmul.linear(b, x, weights.input, weights.input_bias), state, weights)


def unroll(
    b: Builder, x: Value, state: State, weights: Weights, cell: Cell, backward: bool = False
) -> tuple[Value, State]:
    """The outputs [T, B, P] at every step of x[T, B, I], and the last state; `backward` runs from the end."""
    steps, batch, features = x.shape
    # The input's share of all steps in one product.
    rows = basic.reshape(b, x, (steps * batch, features))
    gates = matmul.linear(b, rows, weights.input, weights.input_bias)
    outputs: list[Value] = []
    for at in reversed(range(steps)) if backward else range(steps):
        state = cell(b, basic.narrow(b, gates, 0, at * batch, batch), state, weights)
        outputs.append(state[0])
    joined = joining.join(b, outputs[::-1] if backward else outputs, 0)
    return basic.reshape(b, joined, (steps, batch, state[0].shape[1])), state


def layers(
    b: Builder, x: Value, states: Sequence[Value], weights: Sequence[Weights], cell: Cell, directions: int
) -> tuple[Value, list[Value]]:
    """A stack of layers on x[T, B, I], each of one direction or two, whose outputs are joined.

    `weights` come layer by layer, forward before backward, and so do the rows of each initial state
    [layers * directions, B, ..]. The outputs of the last layer, [T, B, directions * P], and the last states.
    """
    starts = [joining.unstack(b, state, 0) for state in states]
    ends: list[State] = []
    for first in range(0, len(weights), directions):
        outputs = []
        for i in range(first, first + directions):
            start = tuple(rows[i] for rows in starts)
            output, end = unroll(b, x, start, weights[i], cell, backward=i > first)
            outputs.append(output)
            ends.append(end)
        x = joining.join(b, outputs, 2)
    return x, [joining.stack(b, parts, 0) for parts in zip(*ends, strict=True)]


def _share(b: Builder, hidden: Value, weights: Weights) -> Value:
    """The state's share of the gates."""
    return matmul.linear(b, hidden, weights.hidden, weights.hidden_bias)
