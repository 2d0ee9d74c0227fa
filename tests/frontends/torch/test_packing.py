"""Packed sequences: in LiteRT as in PyTorch, whatever the lengths are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import rnn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from liteport.frontends.torch.packing import plain_packing
from tests.frontends.torch.ops.inputs import normal
from tests.harness import Case, cases, check

X = normal(3, 9, 4)
LENGTHS = torch.tensor([9, 4, 6])
OTHERS = [[normal(3, 9, 4), torch.tensor(lengths)] for lengths in ([9, 9, 9], [1, 9, 2], [5, 3, 5])]


class Packed(nn.Module):
    """A recurrent layer on the sequences alone, whatever stands behind them in the batch."""

    def __init__(self, layer: nn.RNNBase, cut: bool = False, lengths: list[int] | None = None) -> None:
        super().__init__()
        self.layer, self.cut, self.lengths = layer, cut, lengths

    def forward(self, x: Tensor, lengths: Any = None, *start: Tensor) -> Any:
        first, lengths = self.layer.batch_first, self.lengths or lengths
        packed = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
        packed, end = self.layer(packed, *([start if len(start) > 1 else start[0]] if start else []))
        total = None if self.cut else x.shape[1 if first else 0]
        return *pad_packed_sequence(packed, batch_first=first, padding_value=0.5, total_length=total), end


def layer(kind: type[nn.RNNBase], *sizes: int, **options: Any) -> nn.RNNBase:
    return kind(4, 5, *sizes, batch_first=True, **options)


def case(id: str, module: nn.Module, *more: Tensor) -> Case:
    return Case(id, module, [X, LENGTHS, *more], draws=0, also=[[*other, *more] for other in OTHERS])


CASES = [
    case("lstm", Packed(layer(nn.LSTM))),
    case("lstm-both-ways", Packed(layer(nn.LSTM, 2, bidirectional=True))),
    case("lstm-projected", Packed(layer(nn.LSTM, proj_size=3))),
    case("lstm-state", Packed(layer(nn.LSTM)), normal(1, 3, 5), normal(1, 3, 5)),
    case("gru-both-ways", Packed(layer(nn.GRU, bidirectional=True))),
    case("gru-state", Packed(layer(nn.GRU, 2)), normal(2, 3, 5)),
    case("rnn", Packed(layer(nn.RNN, bias=False))),
    case("rnn-relu", Packed(layer(nn.RNN, nonlinearity="relu"))),
    case("as long as the longest", Packed(layer(nn.GRU), cut=True)),
    Case("constant lengths", Packed(layer(nn.LSTM), cut=True, lengths=[7, 5, 2]), [X]),
    Case("steps first", Packed(nn.GRU(4, 5), lengths=[7, 5, 2]), [normal(9, 3, 4)]),
    Case("not recurrent", lambda x: x * 2, [X], ops=["MUL"]),
]


@cases(CASES)
def test_packing(case: Case) -> None:
    check(case)


def test_pytorch_is_as_it_was() -> None:
    before = rnn.pack_padded_sequence, pack_padded_sequence, nn.LSTM.forward
    with plain_packing(nn.LSTM(1, 1)):
        assert rnn.pack_padded_sequence is not before[0]
        assert pack_padded_sequence is rnn.pack_padded_sequence
    assert (rnn.pack_padded_sequence, pack_padded_sequence, nn.LSTM.forward) == before
