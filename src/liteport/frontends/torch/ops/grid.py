"""PyTorch's spatial transformers: grid_sample and affine_grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir.graph import Value
from liteport.lowering import sampling

aten = torch.ops.aten

_MODES = ("linear", "nearest", "cubic")
_PADDINGS = ("zeros", "border", "reflection")


def grid_sampler(
    b: TorchBuilder, x: Value, grid: Value, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Value:
    """grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners)
    -> Tensor"""
    return sampling.sample(b, x, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], align_corners)


def affine_grid_generator(b: TorchBuilder, theta: Value, size: Sequence[int], align_corners: bool) -> Value:
    """affine_grid_generator(Tensor theta, SymInt[] size, bool align_corners) -> Tensor"""
    return sampling.affine_grid(b, theta, size[2:], align_corners)


LOWERINGS: Table = {
    aten.grid_sampler.default: grid_sampler,
    aten.grid_sampler_2d.default: grid_sampler,
    aten.grid_sampler_3d.default: grid_sampler,
    aten.affine_grid_generator.default: affine_grid_generator,
}
