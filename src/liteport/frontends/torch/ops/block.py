"""liteport's own operator in PyTorch: a block written at a computed place, which ATen has no word for."""

from __future__ import annotations

import torch
from torch import Tensor

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir.graph import Value
from liteport.lowering import operands, scattering


@torch.library.custom_op("liteport::put_block", mutates_args=())  # type: ignore[untyped-decorator]
def put_block(x: Tensor, block: Tensor, dim: int, start: Tensor) -> Tensor:
    """x with `block`, of n slices along `dim`, in the place of its slices start to start + n - 1, which it must have.

    index_copy by consecutive places does the same, but does not say that they are consecutive: a block is written
    without a search for each slice's place.
    """
    return x.index_copy(dim, start.reshape(1) + torch.arange(block.shape[dim]), block)


@put_block.register_fake  # type: ignore[untyped-decorator]
def _(x: Tensor, block: Tensor, dim: int, start: Tensor) -> Tensor:
    return torch.empty_like(x)


def lower_put_block(b: TorchBuilder, x: Value, block: Value, dim: int, start: Value) -> Value:
    """put_block(Tensor x, Tensor block, SymInt dim, Tensor start) -> Tensor"""
    return scattering.put_block(b, x, operands.axis(dim, x.rank), start, block)


LOWERINGS: Table = {torch.ops.liteport.put_block.default: lower_put_block}
