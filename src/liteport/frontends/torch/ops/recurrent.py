"""PyTorch's recurrent layers and cells."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.ir.graph import Value
from liteport.lowering import basic, formula, recurrent
from liteport.lowering.recurrent import Cell, Weights

aten = torch.ops.aten


def layers(cell: Cell) -> Lowering:
    """The lowering of lstm.input, whose state is a list of two tensors, or of gru.input and rnn_*.input, with one."""

    def lowering(
        b: TorchBuilder,
        x: Value,
        hx: Value | Sequence[Value],
        params: Sequence[Value],
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool,
    ) -> tuple[Value, ...]:
        """lstm.input(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout,
        bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)
        """
        if train and dropout and num_layers > 1:
            raise UnsupportedError("a recurrent layer with dropout that is on: call eval() on the module")
        x = basic.transpose(b, x, [1, 0, 2]) if batch_first else x
        states = [hx] if isinstance(hx, Value) else list(hx)
        directions = 2 if bidirectional else 1
        weights = _weights(params, has_biases, num_layers * directions)
        out, ends = recurrent.layers(b, x, states, weights, cell, directions)
        return (basic.transpose(b, out, [1, 0, 2]) if batch_first else out, *ends)

    return lowering


def cell(kind: Cell) -> Lowering:
    """The lowering of lstm_cell, with two states and two results, or gru_cell and rnn_*_cell, with one."""

    def lowering(
        b: TorchBuilder,
        x: Value,
        hx: Value | Sequence[Value],
        w_ih: Value,
        w_hh: Value,
        b_ih: Value | None = None,
        b_hh: Value | None = None,
    ) -> Value | tuple[Value, ...]:
        """lstm_cell(Tensor input, Tensor[] hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None)"""
        state = (hx,) if isinstance(hx, Value) else tuple(hx)
        end = recurrent.step(b, x, state, Weights(w_ih, w_hh, b_ih, b_hh), kind)
        return end if len(end) > 1 else end[0]

    return lowering


def _weights(params: Sequence[Value], has_biases: bool, count: int) -> list[Weights]:
    """PyTorch's flat list, cut into one piece for each direction of each layer: w_ih, w_hh, b_ih, b_hh, w_hr."""
    size = len(params) // count
    out = []
    for piece in (list(params[i : i + size]) for i in range(0, len(params), size)):
        biases = piece[2:4] if has_biases else [None, None]
        projection = piece[4 if has_biases else 2 :]
        out.append(Weights(piece[0], piece[1], biases[0], biases[1], projection[0] if projection else None))
    return out


_LSTM, _GRU, _TANH, _RELU = recurrent.lstm(), recurrent.gru(), recurrent.rnn(), recurrent.rnn(formula.relu)

LOWERINGS: Table = {
    aten.lstm.input: layers(_LSTM),
    aten.gru.input: layers(_GRU),
    aten.rnn_tanh.input: layers(_TANH),
    aten.rnn_relu.input: layers(_RELU),
    aten.lstm_cell.default: cell(_LSTM),
    aten.gru_cell.default: cell(_GRU),
    aten.rnn_tanh_cell.default: cell(_TANH),
    aten.rnn_relu_cell.default: cell(_RELU),
}
