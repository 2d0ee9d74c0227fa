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
from liteport.lowering import basic, control, formula, joining, math, matmul
from liteport.lowering.formula import Term

State = tuple[Value, ...]
Values = Sequence[Value]

# A loop costs about 16 microseconds, and a step of it one more than the same step without.
_UNROLLED = 8
# Steps that a loop takes at a time, where their number is a multiple: 0.62 -> 0.53 ms for 128 steps of 32 units, 0.13
# -> 0.12 for 24 of 48, 7.8 -> 7.8 for 128 of 256; with four XNNPACK packs the weights too often (8.4).
_TOGETHER = 2
# A loop hands its outputs on at every step. Beyond two blocks of so many steps (or the square root of them all, if that
# is more) they are collected in blocks, by a loop in the loop: twice as fast over 512 steps.
_BLOCK = 16


@dataclass(frozen=True)
class Weights:
    """One direction of one layer: input[G*H, I], hidden[G*H, P], their biases[G*H], projection[P, H] if P is not H.

    The G gates stand one after the other: LSTM input, forget, cell, output; GRU reset, update, new. An LSTM's memory
    may have a share in its input, forget and output gate: peepholes[3*H].
    """

    input: Value
    hidden: Value
    input_bias: Value | None = None
    hidden_bias: Value | None = None
    projection: Value | None = None
    peepholes: Value | None = None


@dataclass(frozen=True)
class Recurrence:
    """What the steps of a layer apply to the state: hidden[G*H, P], bias[G*H], projection[P, H], peepholes[3*H]; for
    two directions hidden[2, P, G*H], bias[2, G*H], projection[2, H, P], peepholes[2, 3*H], to states with a leading
    dimension of 2.
    """

    hidden: Value
    bias: Value | None = None
    projection: Value | None = None
    peepholes: Value | None = None

    def gates(self, b: Builder, first: int, end: int) -> Recurrence:
        """What the gates from row `first` to row `end` of hidden take from the state."""
        along = 0 if self.hidden.rank == 2 else -1
        bias = None if self.bias is None else _part(b, self.bias, -1, first, end)
        return Recurrence(_part(b, self.hidden, along, first, end), bias)


# A cell takes the input's share of the gates, [.., B, G*H], and the state, whose first value is the output, [.., B, P].
Cell = Callable[[Builder, Value, State, Recurrence], State]
Function = Callable[[Term], Term]


def lstm(
    gate: Function = formula.sigmoid,
    cell: Function = formula.tanh,
    output: Function = formula.tanh,
    *,
    clip: float | None = None,
    coupled: bool = False,
) -> Cell:
    """c' = forget * c + input * cell;  h' = output * tanh(c')

    The functions of the gates, of the cell and of the memory may be others than sigmoid and tanh; what goes into the
    first two is clipped (ONNX Runtime leaves the memory as it is); a forget gate that is coupled is 1 - input.
    """

    def step(b: Builder, gates: Value, state: State, recurrence: Recurrence) -> State:
        hidden, memory = state[0], Term(b, state[1])
        total = b.emit(ops.Add(), gates, _share(b, hidden, recurrence))
        shares = [Term(b, v) for v in joining.pieces(b, total, -1, [state[1].shape[-1]] * 4)]
        seen = _peepholes(b, recurrence.peepholes)
        put_in = gate(_clipped(_with_memory(shares[0], seen, 0, memory), clip))
        forget = 1.0 - put_in if coupled else gate(_clipped(_with_memory(shares[1], seen, 1, memory), clip))
        memory = forget * memory + put_in * cell(_clipped(shares[2], clip))
        put_out = gate(_clipped(_with_memory(shares[3], seen, 2, memory), clip))
        hidden = (put_out * output(memory)).value
        if recurrence.projection is not None:
            hidden = _product(b, hidden, recurrence.projection)
        return hidden, memory.value

    return step


def _peepholes(b: Builder, weights: Value | None) -> list[Term]:
    """Those of the input, forget and output gate, each to be multiplied with the memory; none where there are none."""
    if weights is None:
        return []
    size = weights.shape[-1] // 3
    parts = [_part(b, weights, -1, i * size, (i + 1) * size) for i in range(3)]
    return [Term(b, basic.unsqueeze(b, v, 1) if v.rank == 2 else v) for v in parts]


def _with_memory(share: Term, peepholes: Sequence[Term], gate: int, memory: Term) -> Term:
    return share + memory * peepholes[gate] if peepholes else share


def gru(
    gate: Function = formula.sigmoid,
    new: Function = formula.tanh,
    *,
    clip: float | None = None,
    reset_first: bool = False,
) -> Cell:
    """n = tanh(new_x + reset * new_h);  h' = n + update * (h - n)

    new_h is the state's share; `reset_first`: that of the state times the reset gate, in its stead.
    """

    def step(b: Builder, gates: Value, state: State, recurrence: Recurrence) -> State:
        hidden = Term(b, state[0])
        size = state[0].shape[-1]
        own, fresh = (Term(b, v) for v in joining.pieces(b, gates, -1, [2 * size, size]))
        if reset_first:
            both = _share(b, state[0], recurrence.gates(b, 0, 2 * size))
        else:
            both, late = joining.pieces(b, _share(b, state[0], recurrence), -1, [2 * size, size])
        switches = gate(_clipped(own + Term(b, both), clip)).value
        reset, update = (Term(b, v) for v in joining.pieces(b, switches, -1, [size, size]))
        if reset_first:
            share = Term(b, _share(b, (reset * hidden).value, recurrence.gates(b, 2 * size, 3 * size)))
        else:
            share = reset * Term(b, late)
        fresh = new(_clipped(fresh + share, clip))
        return ((fresh + update * (hidden - fresh)).value,)

    return step


def rnn(activation: Function = formula.tanh, *, clip: float | None = None) -> Cell:
    """h' = activation(x's share + h's share)"""

    def step(b: Builder, gates: Value, state: State, recurrence: Recurrence) -> State:
        total = Term(b, b.emit(ops.Add(), gates, _share(b, state[0], recurrence)))
        return (activation(_clipped(total, clip)).value,)

    return step


def _clipped(x: Term, clip: float | None) -> Term:
    return x if clip is None else math.clamp(x, -clip, clip)


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
        start = [basic.narrow(b, state, 0, first, directions) for state in states]
        outputs, end = layer(b, x, start, weights[first : first + directions], cell, [False, True][:directions])
        x = joining.join(b, outputs, 2)
        ends.append(end)
    return x, [joining.join(b, parts, 0) for parts in zip(*ends, strict=True)]


def layer(
    b: Builder,
    x: Value,
    states: Sequence[Value],
    weights: Sequence[Weights],
    cell: Cell,
    backward: Sequence[bool],
    lengths: Value | None = None,
) -> tuple[list[Value], list[Value]]:
    """One layer on x[T, B, I] from states [directions, B, ..]: the outputs of each direction, [T, B, P], which are in
    the order of x also where it sees the steps in reverse (`backward`), and the last states.

    Two directions run side by side: both take their gates from the same place. With lengths[B] of the sequences, what
    follows their ends has no part in the states, and zeros for outputs.
    """
    steps, batch, _ = x.shape
    seen = [_reversed(b, x, lengths) if back else x for back in backward]
    shares = [matmul.linear(b, s, w.input, w.input_bias) for s, w in zip(seen, weights, strict=True)]
    gates = joining.join(b, [basic.unsqueeze(b, s, 1) for s in shares], 1)
    start = tuple(_side_by_side(b, state) for state in states)
    gates = basic.reshape(b, gates, (steps * start[0].shape[0], *start[0].shape[1:-1], shares[0].shape[-1]))
    inside = None if lengths is None else _inside(b, steps, lengths)
    mask = [] if inside is None else [_for_rows(b, inside, start[0])]
    run = _unrolled if is_fixed([steps]) and steps <= _UNROLLED else _looped
    outputs, end = run(b, [gates, *mask], start, _recurrence(b, weights), cell)
    outputs = basic.reshape(b, outputs, (steps, len(weights), batch, outputs.shape[-1]))
    found = joining.unstack(b, outputs, 1)
    if inside is not None:
        found = [formula.where(Term(b, inside), Term(b, v), 0.0).value for v in found]
    found = [_reversed(b, v, lengths) if back else v for v, back in zip(found, backward, strict=True)]
    return found, [basic.reshape(b, v, (len(weights), *v.shape[-2:])) for v in end]


def _reversed(b: Builder, x: Value, lengths: Value | None) -> Value:
    """x[T, B, ..] with its steps turned round, for each sequence those up to its end."""
    return (
        joining.flip(b, x, [0]) if lengths is None else b.emit(ops.ReverseSequence(seq_dim=0, batch_dim=1), x, lengths)
    )


def _inside(b: Builder, steps: int, lengths: Value) -> Value:
    """Which steps come before the sequences' ends: bools [T, B, 1]."""
    step = basic.reshape(b, basic.ramp(b, steps, lengths.dtype), (steps, 1, 1))
    return b.emit(ops.Less(), step, basic.reshape(b, lengths, (1, lengths.shape[0], 1)))


def _for_rows(b: Builder, inside: Value, state: Value) -> Value:
    """The bools for each row of the gates, which broadcast against the state."""
    steps, batch, _ = inside.shape
    if state.rank == 2:
        return basic.reshape(b, inside, (steps * batch, 1))
    both = basic.broadcast_to(b, basic.unsqueeze(b, inside, 1), (steps, state.shape[0], batch, 1))
    return basic.reshape(b, both, (steps * state.shape[0], batch, 1))


def _advanced(b: Builder, rows: Values, state: State, recurrence: Recurrence, cell: Cell) -> State:
    """The state after one step, on the gates and, where there is one, the mask of the sequences that go on."""
    new = cell(b, rows[0], state, recurrence)
    if len(rows) == 1:
        return new
    going = Term(b, rows[1])
    return tuple(formula.where(going, Term(b, v), Term(b, old)).value for v, old in zip(new, state, strict=True))


def _unrolled(b: Builder, xs: Values, state: State, recurrence: Recurrence, cell: Cell) -> tuple[Value, State]:
    """The outputs of all steps, one after the other along the first dimension as the gates are, and the last state."""
    rows = state[0].shape[0]
    outputs: list[Value] = []
    for step in range(xs[0].shape[0] // rows):
        state = _advanced(b, [basic.narrow(b, x, 0, step * rows, rows) for x in xs], state, recurrence, cell)
        outputs.append(state[0])
    return joining.join(b, outputs, 0), state


def _looped(b: Builder, xs: Values, start: State, recurrence: Recurrence, cell: Cell) -> tuple[Value, State]:
    """The same as `_unrolled`, by a loop, or a loop over blocks of steps in which a loop runs."""
    rows = start[0].shape[0]
    total, dtype = xs[0].shape[0], xs[0].dtype
    count = total // rows
    together = _TOGETHER if is_fixed([count]) and count % _TOGETHER == 0 else 1
    block = _block(count) * rows

    def some(b: Builder, at: Value, share: Values, state: Values) -> tuple[Values, Values]:
        outputs, end = _unrolled(b, share, tuple(state), recurrence, cell)
        return [outputs], end

    def steps(b: Builder, xs: Values, stop: Value, start: Values) -> tuple[Values, Values]:
        outputs = TensorType(dtype, (xs[0].shape[0], *start[0].shape[1:]))
        return control.scan(b, some, start, xs, [outputs], rows=together * rows, stop=stop)

    def blocks(b: Builder, at: Value, share: Values, state: Values) -> tuple[Values, Values]:
        left = b.emit(ops.Minimum(), b.emit(ops.Sub(), stop, at), basic.ints(b, [block]))
        return steps(b, share, left, state)

    stop = basic.ints(b, [total])
    if is_fixed([count]) and count <= 2 * (block // rows):
        (outputs,), end = steps(b, xs, stop, start)
        return outputs, tuple(end)
    whole = -(-total // block) * block
    padded = [basic.pad(b, x, [(0, whole - total), *[(0, 0)] * (x.rank - 1)]) for x in xs]
    slots = TensorType(dtype, (whole, *start[0].shape[1:]))
    (outputs,), end = control.scan(b, blocks, start, padded, [slots], rows=block, stop=stop)
    return basic.narrow(b, outputs, 0, 0, total), tuple(end)


def _block(count: int) -> int:
    """How many steps are collected in a block."""
    return max(_BLOCK, isqrt(count) // _TOGETHER * _TOGETHER) if is_fixed([count]) else _BLOCK


def _recurrence(b: Builder, weights: Sequence[Weights]) -> Recurrence:
    """The weights of one direction as they are, those of two side by side and ready for a BATCH_MATMUL."""
    if len(weights) == 1:
        (one,) = weights
        return Recurrence(one.hidden, one.hidden_bias, one.projection, one.peepholes)
    biases = [w.hidden_bias for w in weights if w.hidden_bias is not None]
    projections = [w.projection for w in weights if w.projection is not None]
    peepholes = [w.peepholes for w in weights if w.peepholes is not None]
    return Recurrence(
        _columns(b, [w.hidden for w in weights]),
        _stack(b, biases) if biases else None,
        _columns(b, projections) if projections else None,
        _stack(b, peepholes) if peepholes else None,
    )


def _columns(b: Builder, matrices: Sequence[Value]) -> Value:
    """Matrices, each transposed, along a new first dimension."""
    return _stack(b, [constant(m.array.T, m.name) if m.is_const else basic.transpose(b, m, [1, 0]) for m in matrices])


def _stack(b: Builder, values: Sequence[Value]) -> Value:
    """Values of one shape along a new first dimension; a constant where they are, for the loop to know it as one."""
    if all(v.is_const for v in values):
        return b.const(np.stack([v.array for v in values]), name=values[0].name)
    return joining.stack(b, values, 0)


def _part(b: Builder, x: Value, axis: int, first: int, end: int) -> Value:
    """x[.., first:end, ..] along an axis; a constant where x is, for the loop to know it as one."""
    if not x.is_const:
        return basic.narrow(b, x, axis, first, end - first)
    return constant(x.array[first:end] if axis == 0 else x.array[..., first:end], x.name)


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
