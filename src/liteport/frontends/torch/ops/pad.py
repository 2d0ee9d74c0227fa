"""PyTorch's padding: with a constant, by reflection, replication or going round."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir.graph import Value
from liteport.lowering import padding

aten = torch.ops.aten


def pad(b: TorchBuilder, x: Value, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Value:
    """pad(Tensor self, SymInt[] pad, str mode="constant", float? value=None) -> Tensor"""
    if mode == "constant":
        return constant_pad_nd(b, x, pad, value or 0)
    return padding.pad_with_own(b, x, _in_order(pad), mode)


def constant_pad_nd(b: TorchBuilder, x: Value, pad: Sequence[int], value: float = 0) -> Value:
    """constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor"""
    return padding.pad_or_crop(b, x, _in_order(pad), value)


def _pad_with_own(b: TorchBuilder, x: Value, padding_: Sequence[int], *, mode: str) -> Value:
    """reflection_pad2d(Tensor self, SymInt[4] padding) -> Tensor; replication_pad2d likewise"""
    return padding.pad_with_own(b, x, _in_order(padding_), mode)


def _pad_enum(b: TorchBuilder, x: Value, pad_: Sequence[int], mode: int, value: float | None = None) -> Value:
    """_pad_enum(Tensor self, SymInt[] pad, int mode, float? value=None) -> Tensor"""
    return pad(b, x, pad_, ("reflect", "replicate", "circular", "constant")[mode], value)


def _pad_circular(b: TorchBuilder, x: Value, pad: Sequence[int]) -> Value:
    """_pad_circular(Tensor self, SymInt[] pad) -> Tensor"""
    return padding.pad_with_own(b, x, _in_order(pad), "circular")


def _in_order(pad: Sequence[int]) -> list[tuple[int, int]]:
    """PyTorch's numbers, which begin at the last dimension, as (before, after) in the dimensions' order."""
    return [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]


reflection_pad = partial(_pad_with_own, mode="reflect")
replication_pad = partial(_pad_with_own, mode="replicate")

LOWERINGS: Table = {
    aten.pad.default: pad,
    aten.constant_pad_nd.default: constant_pad_nd,
    aten._pad_enum.default: _pad_enum,
    aten._pad_circular.default: _pad_circular,
    aten.reflection_pad1d.default: reflection_pad,
    aten.reflection_pad2d.default: reflection_pad,
    aten.reflection_pad3d.default: reflection_pad,
    aten.replication_pad1d.default: replication_pad,
    aten.replication_pad2d.default: replication_pad,
    aten.replication_pad3d.default: replication_pad,
}
