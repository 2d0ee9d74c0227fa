"""RNN, GRU and LSTM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from liteport.errors import InputError, UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, known
from liteport.frontends.onnx.ops._common import MICROSOFT
from liteport.frontends.onnx.ops.activation import elu, hard_sigmoid, leaky_relu, softplus, softsign, thresholded_relu
from liteport.ir.graph import Value, constant
from liteport.ir.types import DType, TensorType
from liteport.lowering import basic, formula, joining, recurrent
from liteport.lowering.formula import Term
from liteport.lowering.recurrent import Cell, Function, Weights

Floats = Sequence[float]

# The functions, and the defaults of their parameters (alpha, then beta).
_FUNCTIONS: dict[str, tuple[Callable[..., Term], tuple[float, ...]]] = {
    "sigmoid": (formula.sigmoid, ()),
    "tanh": (formula.tanh, ()),
    "relu": (formula.relu, ()),
    "softplus": (softplus, ()),
    "softsign": (softsign, ()),
    "elu": (elu, (1.0,)),
    "leakyrelu": (leaky_relu, (0.01,)),
    "thresholdedrelu": (thresholded_relu, (1.0,)),
    "hardsigmoid": (hard_sigmoid, (0.2, 0.5)),
    "affine": (lambda x, alpha, beta: x * alpha + beta, (1.0, 0.0)),
    "scaledtanh": (lambda x, alpha, beta: formula.tanh(x * beta) * alpha, (1.0, 1.0)),
}

_BACKWARD = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}


@dataclass(frozen=True)
class _Layer:
    """The operands that all three have: X, W[D, G*H, I], R[D, G*H, H], B[D, 2*G*H], lengths, and the states.

    `order` are the gates' places in ONNX, in the order in which lowering/recurrent.py has them.
    """

    x: Value
    input: Value
    hidden: Value
    bias: Value | None
    lengths: Value | None
    states: Sequence[Value | None]
    order: Sequence[int]
    direction: str
    layout: int
    peepholes: Value | None = None

    def results(self, b: OnnxBuilder, cells: Sequence[Cell]) -> tuple[Value, ...]:
        """Y and the last states, by a cell for each direction."""
        x = basic.transpose(b, self.x, [1, 0, 2]) if self.layout else self.x
        backward = _BACKWARD[self.direction]
        states = [self._state(b, x.shape[1], v) for v in self.states]
        lengths = None if self.lengths is None or _all_steps(self.lengths, x.shape[0]) else self.lengths
        weights = [self._weights(b, place) for place in range(len(backward))]
        if len(backward) == 1 or cells[0] is cells[1]:
            outputs, ends = recurrent.layer(b, x, states, weights, cells[0], backward, lengths)
        else:
            apart = [
                recurrent.layer(b, x, [basic.narrow(b, v, 0, i, 1) for v in states], [w], cell, [back], lengths)
                for i, (w, cell, back) in enumerate(zip(weights, cells, backward, strict=True))
            ]
            outputs = [v for out, _ in apart for v in out]
            ends = [joining.join(b, parts, 0) for parts in zip(*(end for _, end in apart), strict=True)]
        y = joining.stack(b, outputs, 1)
        if not self.layout:
            return (y, *ends)
        return (basic.transpose(b, y, [2, 0, 1, 3]), *(basic.transpose(b, v, [1, 0, 2]) for v in ends))

    def _state(self, b: OnnxBuilder, batch: int, given: Value | None) -> Value:
        if given is None:
            shape = (self.hidden.shape[0], batch, self.hidden.shape[-1])
            return basic.zeros(b, TensorType(DType.FLOAT32, shape))
        return basic.transpose(b, given, [1, 0, 2]) if self.layout else given

    def _weights(self, b: OnnxBuilder, direction: int) -> Weights:
        order, count = self.order, len(self.order)
        weights = Weights(*(_reordered(b, v, direction, order, count) for v in (self.input, self.hidden)))
        if self.bias is not None:
            places = (order, [count + gate for gate in order])
            biases = [_reordered(b, self.bias, direction, chosen, 2 * count) for chosen in places]
            weights = replace(weights, input_bias=biases[0], hidden_bias=biases[1])
        if self.peepholes is not None:
            weights = replace(weights, peepholes=_reordered(b, self.peepholes, direction, [0, 2, 1], 3))
        return weights


def _reordered(b: OnnxBuilder, x: Value, direction: int, places: Sequence[int], count: int) -> Value:
    """Blocks of x[direction], which has `count` of them along its first dimension."""
    if x.is_const:
        blocks = np.split(x.array[direction], count)
        return constant(np.concatenate([blocks[i] for i in places]), x.name)
    rows = basic.squeeze(b, basic.narrow(b, x, 0, direction, 1), 0)
    size = rows.shape[0] // count
    return joining.join(b, [basic.narrow(b, rows, 0, i * size, size) for i in places], 0)


def _all_steps(lengths: Value, steps: int) -> bool:
    return lengths.data is not None and bool((lengths.data == steps).all())


def rnn(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    r: Value,
    bias: Value | None = None,
    lengths: Value | None = None,
    start: Value | None = None,
    *,
    activation_alpha: Floats = (),
    activation_beta: Floats = (),
    activations: Sequence[str] = (),
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    output_sequence: int = 0,
) -> tuple[Value, ...]:
    """RNN(X, W, R, B, sequence_lens, initial_h, activations=["Tanh"], clip, direction="forward", layout=0, ...)"""
    layer = _Layer(x, w, r, bias, lengths, [start], [0], direction, layout)
    functions = _functions(activations or ["Tanh"] * 2, activation_alpha, activation_beta)
    return layer.results(b, _cells(functions, 1, lambda f: recurrent.rnn(*f, clip=clip)))


def gru(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    r: Value,
    bias: Value | None = None,
    lengths: Value | None = None,
    start: Value | None = None,
    *,
    activation_alpha: Floats = (),
    activation_beta: Floats = (),
    activations: Sequence[str] = (),
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    linear_before_reset: int = 0,
    output_sequence: int = 0,
) -> tuple[Value, ...]:
    """GRU(X, W, R, B, sequence_lens, initial_h, activations=["Sigmoid", "Tanh"], clip, linear_before_reset=0, ...)"""
    layer = _Layer(x, w, r, bias, lengths, [start], [1, 0, 2], direction, layout)
    functions = _functions(activations or ["Sigmoid", "Tanh"] * 2, activation_alpha, activation_beta)
    first = not linear_before_reset
    return layer.results(b, _cells(functions, 2, lambda f: recurrent.gru(*f, clip=clip, reset_first=first)))


def lstm(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    r: Value,
    bias: Value | None = None,
    lengths: Value | None = None,
    start: Value | None = None,
    memory: Value | None = None,
    peepholes: Value | None = None,
    *,
    activation_alpha: Floats = (),
    activation_beta: Floats = (),
    activations: Sequence[str] = (),
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    input_forget: int = 0,
    layout: int = 0,
    output_sequence: int = 0,
) -> tuple[Value, ...]:
    """LSTM(X, W, R, B, sequence_lens, initial_h, initial_c, P, activations=["Sigmoid", "Tanh", "Tanh"], clip, ...)"""
    layer = _Layer(x, w, r, bias, lengths, [start, memory], [0, 2, 3, 1], direction, layout, peepholes)
    functions = _functions(activations or ["Sigmoid", "Tanh", "Tanh"] * 2, activation_alpha, activation_beta)
    coupled = bool(input_forget)
    return layer.results(b, _cells(functions, 3, lambda f: recurrent.lstm(*f, clip=clip, coupled=coupled)))


def dynamic_quantize_lstm(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    r: Value,
    bias: Value | None,
    lengths: Value | None,
    start: Value | None,
    memory: Value | None,
    peepholes: Value | None,
    w_scale: Value,
    w_zero: Value,
    r_scale: Value,
    r_zero: Value,
    **attributes: Any,
) -> tuple[Value, ...]:
    """DynamicQuantizeLSTM(X, W, R, B, sequence_lens, initial_h, initial_c, P, W_scale, W_zero_point, R_scale,
    R_zero_point, as LSTM), W and R having the gates last: on real numbers, which ONNX Runtime rounds to 8 bits"""
    inputs, states = _gates_first(b, w, w_scale, w_zero), _gates_first(b, r, r_scale, r_zero)
    return lstm(b, x, inputs, states, bias, lengths, start, memory, peepholes, **attributes)


def _gates_first(b: OnnxBuilder, weights: Value, scale: Value, zero: Value) -> Value:
    """[D, I, G * H] of integers as real numbers [D, G * H, I], by scales [D] or [D, G * H]."""
    numbers, steps, starts = (known(v, "weights") for v in (weights, scale, zero))
    step, start = (each.reshape(len(numbers), 1, -1).astype(np.float32) for each in (steps, starts))
    return b.const(((numbers.astype(np.float32) - start) * step).transpose(0, 2, 1), name=weights.name)


def _functions(names: Sequence[str], alphas: Floats, betas: Floats) -> list[tuple[str, tuple[float, ...]]]:
    """Functions and their parameters: each that has any takes the next ones given, if any are left."""
    left: list[Iterator[float]] = [iter(alphas), iter(betas)]
    found = []
    for name in names:
        if name.lower() not in _FUNCTIONS:
            raise UnsupportedError(f"the activation {name}: known are {', '.join(_FUNCTIONS)}")
        _, defaults = _FUNCTIONS[name.lower()]
        found.append((name.lower(), tuple(next(given, d) for given, d in zip(left, defaults, strict=False))))
    return found


def _cells(
    functions: Sequence[tuple[str, tuple[float, ...]]], count: int, cell: Callable[[list[Function]], Cell]
) -> list[Cell]:
    """A cell for each direction, which has `count` functions of its own; one for both where those are the same."""
    if len(functions) % count:
        raise InputError(f"{len(functions)} activations, where each direction takes {count}")
    made: dict[Any, Cell] = {}
    left = iter(functions)
    while chosen := tuple(islice(left, count)):
        made.setdefault(chosen, cell([_function(*given) for given in chosen]))
    return [made[tuple(functions[i : i + count])] for i in range(0, len(functions), count)]


def _function(name: str, parameters: tuple[float, ...]) -> Function:
    function, _ = _FUNCTIONS[name]
    return lambda x: function(x, *parameters)


LOWERINGS: Table = {
    ("", "RNN"): rnn,
    ("", "GRU"): gru,
    ("", "LSTM"): lstm,
    (MICROSOFT, "DynamicQuantizeLSTM"): dynamic_quantize_lstm,
}
