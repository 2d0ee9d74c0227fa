"""Recurrent layers, as loops over their steps. States are variables: a second run goes on where the first one ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor
from liteport.ir import ops

Step = Callable[[Tensor, Sequence[Tensor]], Sequence[Tensor]]
"""The states after a step, its output first: of the step's input, and the states before."""

_EPSILON = 1e-8  # what LiteRT's kernel adds to the variance of its layer norm


def scan(x: Tensor, states: Sequence[Tensor], step: Step, *, time_major: bool, backwards: bool = False) -> list[Tensor]:
    """The step's outputs, [batch, time, ...] or [time, batch, ...], and the states at the end."""
    steps = x if time_major else tf.transpose(x, (1, 0, 2))
    count = tf.shape(steps)[0]
    collected = tf.TensorArray(x.dtype, size=count, element_shape=states[0].shape)

    def body(i: Tensor, collected: Any, *states: Tensor) -> tuple[Any, ...]:
        at = count - 1 - i if backwards else i
        after = step(steps[at], states)
        return i + 1, collected.write(at, after[0]), *after

    begin = [tf.convert_to_tensor(state) for state in states]
    _, collected, *end = tf.while_loop(lambda i, *rest: i < count, body, (0, collected, *begin))
    joined = collected.stack()
    joined.set_shape((steps.shape[0], *states[0].shape))
    return [joined if time_major else tf.transpose(joined, (1, 0, 2)), *end]


@dataclass(frozen=True)
class LstmCell:
    """One step of an LSTM, in the order of operands of UnidirectionalSequenceLstm from 1 on; `auxiliary` are weights of
    a second input, which stands behind the first."""

    c: Context
    weights: Sequence[Tensor | None]
    norms: Sequence[Tensor | None] = (None,) * 4

    def __call__(self, x: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor]:
        """Gates in the order input, forget, cell, output. Without input weights, input and forget gate are coupled."""
        hidden, memory = states
        o, w = self.c.operator, self.weights
        forget = tf.sigmoid(self._gate(1, x, hidden, memory, w[9]))
        enter = 1 - forget if w[0] is None else tf.sigmoid(self._gate(0, x, hidden, memory, w[8]))
        new = forget * memory + enter * self.c.activated(self._gate(2, x, hidden, memory, None))
        new = _clipped(new, o.cell_clip)
        out = tf.sigmoid(self._gate(3, x, hidden, new, w[10])) * self.c.activated(new)
        if w[15] is not None:
            out = tf.matmul(out, w[15], transpose_b=True)
            out = _clipped(out if w[16] is None else out + w[16], o.proj_clip)
        return out, new

    def _gate(self, gate: int, x: Tensor, hidden: Tensor, memory: Tensor, peephole: Tensor | None) -> Tensor:
        w = self.weights
        total = tf.matmul(x, w[gate], transpose_b=True) + tf.matmul(hidden, w[4 + gate], transpose_b=True)
        if peephole is not None:
            total += memory * peephole
        if self.norms[gate] is not None:
            mean, variance = tf.nn.moments(total, -1, keepdims=True)
            total = (total - mean) * tf.math.rsqrt(variance + _EPSILON) * self.norms[gate]
        bias = w[11 + gate]
        return total if bias is None else total + bias


def _clipped(x: Tensor, limit: float) -> Tensor:
    return tf.clip_by_value(x, -limit, limit) if limit > 0 else x


def unidirectional_sequence_lstm(c: Context, x: Tensor, *operands: Tensor | None) -> Tensor:
    cell, states = _lstm(c, operands)
    y, *end = scan(x, states, cell, time_major=c.operator.time_major)
    _keep(states, end)
    return y


def _lstm(c: Context, operands: Sequence[Tensor | None]) -> tuple[LstmCell, Sequence[Tensor]]:
    """The cell and its states, of the operands from 1 on."""
    if getattr(c.operator, "diagonal_recurrent_tensors", False):
        raise c.unsupported("has diagonal recurrent weights")
    norms = tuple(operands[19:23]) if len(operands) > 19 else (None,) * 4
    return LstmCell(c, operands[:17], norms), operands[17:19]


def _keep(states: Sequence[Tensor], end: Sequence[Tensor]) -> None:
    for state, value in zip(states, end, strict=True):
        state.assign(value)


def lstm(c: Context, x: Tensor, *operands: Tensor | None) -> Tensor:
    if c.operator.kernel_type == "BASIC":
        return basic_lstm(c, x, *operands)
    cell, states = _lstm(c, operands)
    end = cell(x, states)
    _keep(states, end)
    return end[0]


def basic_lstm(c: Context, x: Tensor, hidden: Tensor, w: Tensor, bias: Tensor, memory: Tensor) -> Sequence[Tensor]:
    """Weights [4 * units, features + units] of the gates input, cell, forget, output."""
    joined = tf.concat([x, hidden], 1)
    gates = tf.matmul(joined, w, transpose_b=True) + bias
    enter, new, forget, leave = tf.split(gates, 4, 1)
    memory = tf.sigmoid(enter) * tf.tanh(new) + tf.sigmoid(forget) * memory
    return tf.sigmoid(leave) * tf.tanh(memory), memory, joined, gates


def bidirectional_sequence_lstm(c: Context, x: Tensor, *operands: Tensor | None) -> Sequence[Tensor]:
    """Operands 1 to 17 and 18 to 34 are the two cells', 35 to 38 their states, 39 on those of an auxiliary input."""
    if any(w is not None for w in operands[38:]):
        raise c.unsupported("has an auxiliary input")
    results = []
    for number, backwards in enumerate((False, True)):
        cell = LstmCell(c, operands[17 * number : 17 * number + 17])
        states: Any = operands[34 + 2 * number : 36 + 2 * number]
        y, *end = scan(x, states, cell, time_major=c.operator.time_major, backwards=backwards)
        _keep(states, end)
        results.append(y)
    return _merged(c, results)


def _merged(c: Context, results: Sequence[Tensor]) -> Sequence[Tensor]:
    return [tf.concat(results, -1)] if c.operator.merge_outputs else results


def rnn_cell(c: Context, w: Tensor, recurrent: Tensor, bias: Tensor) -> Step:
    def step(x: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor]:
        total = tf.matmul(x, w, transpose_b=True) + tf.matmul(states[0], recurrent, transpose_b=True)
        return (c.activated(total + bias),)

    return step


def rnn(c: Context, x: Tensor, w: Tensor, recurrent: Tensor, bias: Tensor, state: Tensor) -> Tensor:
    (y,) = rnn_cell(c, w, recurrent, bias)(x, [state])
    state.assign(y)
    return y


def unidirectional_sequence_rnn(
    c: Context, x: Tensor, w: Tensor, recurrent: Tensor, bias: Tensor, state: Tensor
) -> Tensor:
    y, end = scan(x, [state], rnn_cell(c, w, recurrent, bias), time_major=c.operator.time_major)
    state.assign(end)
    return y


def bidirectional_sequence_rnn(c: Context, x: Tensor, *operands: Tensor | None) -> Sequence[Tensor]:
    if any(w is not None for w in operands[8:]):
        raise c.unsupported("has an auxiliary input")
    results = []
    for backwards, (w, recurrent, bias, state) in ((False, operands[:4]), (True, operands[4:8])):
        step = rnn_cell(c, w, recurrent, bias)
        y, end = scan(x, [state], step, time_major=c.operator.time_major, backwards=backwards)
        state.assign(end)  # type: ignore[union-attr]  # states are never left out
        results.append(y)
    return _merged(c, results)


def svdf(c: Context, x: Tensor, features: Tensor, time: Tensor, bias: Tensor | None, state: Tensor) -> Tensor:
    """The state [batch, filters * memory] holds each filter's last activations, oldest first."""
    filters, memory = c.op.operand(2).shape
    history = tf.reshape(state, (-1, filters, memory))
    new = tf.matmul(x, features, transpose_b=True)
    history = tf.concat([history[:, :, 1:], new[:, :, None]], 2)
    state.assign(tf.reshape(history, tf.shape(state)))
    filtered = tf.reduce_sum(history * time, 2)
    units = tf.reduce_sum(tf.reshape(filtered, (-1, filters // c.operator.rank, c.operator.rank)), 2)
    return c.activated(units if bias is None else units + bias)


EMITTERS: Table = {
    ops.UnidirectionalSequenceLstm: unidirectional_sequence_lstm,
    ops.BidirectionalSequenceLstm: bidirectional_sequence_lstm,
    ops.UnidirectionalSequenceRnn: unidirectional_sequence_rnn,
    ops.BidirectionalSequenceRnn: bidirectional_sequence_rnn,
    ops.Lstm: lstm,
    ops.Rnn: rnn,
    ops.Svdf: svdf,
}
