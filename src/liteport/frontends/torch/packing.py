"""Packed sequences, as long as the data says each is: at the export they stay padded, beside their lengths.

PyTorch runs a recurrent layer on packed sequences batch by batch of those that are not over yet, whose sizes depend on
data. The same comes of padded ones in a loop over all steps in which a sequence that is over keeps its state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import rnn

from liteport.frontends.torch.replaced import replaced

State = tuple[Tensor, ...]
# The input's share of the gates, the state's share, the state: what the state becomes, the output first.
Cell = Callable[[Tensor, Tensor, State], State]


class Padded(rnn.PackedSequence):
    """In the place of a packed sequence: `data` is padded, [T, B, ..], `batch_sizes` has the lengths, [B]."""


@contextmanager
def plain_packing(module: nn.Module) -> Iterator[None]:
    """Inside, where the module has recurrent layers, pack_padded_sequence gives a Padded, which these and
    pad_packed_sequence take."""
    if not any(isinstance(part, nn.RNNBase) for part in module.modules()):
        yield
        return
    forwards = {layer: layer.forward for layer in (nn.LSTM, nn.GRU, nn.RNN)}
    pairs: dict[Any, Any] = {
        rnn.pack_padded_sequence: pack_padded_sequence,
        rnn.pad_packed_sequence: pad_packed_sequence,
    }
    try:
        for layer, forward in forwards.items():
            _set_forward(layer, _on_padded(forward))
        with replaced(pairs):
            yield
    finally:
        for layer, forward in forwards.items():
            _set_forward(layer, forward)


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> Padded:
    """torch.nn.utils.rnn.pack_padded_sequence, of input[T, B, ..], or [B, T, ..] if batch_first"""
    return Padded(input.transpose(0, 1) if batch_first else input, torch.as_tensor(lengths))


def pad_packed_sequence(
    sequence: Padded, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """torch.nn.utils.rnn.pad_packed_sequence: as long as the longest unless total_length says otherwise; the lengths"""
    data, lengths = sequence.data, sequence.batch_sizes
    going = _going(data, lengths).reshape(*data.shape[:2], *[1] * (data.dim() - 2))
    data = torch.where(going, data, padding_value)
    if total_length is None:
        longest: Any = lengths.max().item()
        torch._check(longest >= 1)
        torch._check(longest <= data.shape[0])
        data = data[:longest]
    else:
        data = F.pad(data, [0, 0] * (data.dim() - 1) + [0, total_length - data.shape[0]], value=padding_value)
    return data.transpose(0, 1) if batch_first else data, lengths


def _set_forward(layer: Any, forward: Any) -> None:
    layer.forward = forward


def _on_padded(forward: Callable[..., Any]) -> Callable[..., Any]:
    """The forward of a recurrent layer, which takes a Padded too."""

    def either(layer: nn.RNNBase, input: Any, hx: Any = None) -> Any:
        return _run(layer, input, hx) if isinstance(input, Padded) else forward(layer, input, hx)

    return either


def _run(layer: nn.RNNBase, packed: Padded, hx: Any) -> tuple[Padded, Any]:
    """The outputs, and the last states of each sequence, [layers * directions, B, ..]."""
    x, lengths = packed.data, packed.batch_sizes
    going = _going(x, lengths)[..., None]
    backward = _backward(x, lengths)
    directions = 2 if layer.bidirectional else 1
    starts = _starts(layer, x, hx)
    ends: list[State] = []
    for number in range(layer.num_layers):
        outputs = []
        for direction in range(directions):
            place = number * directions + direction
            seen = _along(x, backward) if direction else x
            output, end = _direction(layer, layer.all_weights[place], seen, going, tuple(s[place] for s in starts))
            outputs.append(_along(output, backward) if direction else output)
            ends.append(end)
        x = torch.cat(outputs, -1)
    states = tuple(torch.stack(each) for each in zip(*ends, strict=True))
    return Padded(x, lengths), states if isinstance(layer, nn.LSTM) else states[0]


def _starts(layer: nn.RNNBase, x: Tensor, hx: Any) -> State:
    """The first states, [layers * directions, B, ..] each: zeros unless given."""
    if hx is not None:
        return (hx,) if isinstance(hx, Tensor) else tuple(hx)
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    widths = [layer.proj_size or layer.hidden_size, *([layer.hidden_size] if isinstance(layer, nn.LSTM) else [])]
    return tuple(x.new_zeros(count, x.shape[1], width) for width in widths)


def _direction(
    layer: nn.RNNBase, weights: Sequence[Tensor], x: Tensor, going: Tensor, start: State
) -> tuple[Tensor, State]:
    """The outputs [T, B, P] for x[T, B, I], and for each sequence the state at its own end."""
    from torch._higher_order_ops import scan

    w_ih, w_hh, *others = weights
    b_ih, b_hh = others[:2] if layer.bias else (None, None)
    projection = others[-1] if layer.proj_size else None
    cell = CELLS[layer.mode]

    def step(state: State, now: tuple[Tensor, Tensor]) -> tuple[State, Tensor]:
        gates, on = now
        output, *rest = cell(gates, F.linear(state[0], w_hh, b_hh), state)
        new = (output if projection is None else F.linear(output, projection), *rest)
        kept = tuple(torch.where(on, after, before) for after, before in zip(new, state, strict=True))
        return kept, kept[0].clone()

    end, outputs = scan(step, tuple(s.clone() for s in start), (F.linear(x, w_ih, b_ih), going), dim=0)
    return outputs, tuple(end)


def _lstm(gates: Tensor, share: Tensor, state: State) -> State:
    put_in, forget, cell, put_out = (gates + share).chunk(4, -1)
    memory = forget.sigmoid() * state[1] + put_in.sigmoid() * cell.tanh()
    return put_out.sigmoid() * memory.tanh(), memory


def _gru(gates: Tensor, share: Tensor, state: State) -> State:
    (reset, update, new), (reset_share, update_share, new_share) = gates.chunk(3, -1), share.chunk(3, -1)
    fresh = (new + (reset + reset_share).sigmoid() * new_share).tanh()
    return (fresh + (update + update_share).sigmoid() * (state[0] - fresh),)


CELLS: Mapping[str, Cell] = {
    "LSTM": _lstm,
    "GRU": _gru,
    "RNN_TANH": lambda gates, share, state: ((gates + share).tanh(),),
    "RNN_RELU": lambda gates, share, state: ((gates + share).relu(),),
}


def _going(data: Tensor, lengths: Tensor) -> Tensor:
    """Which steps [T, B] belong to the sequences."""
    return torch.arange(data.shape[0])[:, None] < lengths


def _backward(data: Tensor, lengths: Tensor) -> Tensor:
    """For each step [T, B] the one that is as far from the end as it is from the beginning."""
    steps = torch.arange(data.shape[0])[:, None]
    return torch.where(steps < lengths, lengths - 1 - steps, steps)


def _along(x: Tensor, steps: Tensor) -> Tensor:
    """x[T, B, ..] at other steps, [T, B]."""
    return x.gather(0, steps[..., None].expand_as(x))
