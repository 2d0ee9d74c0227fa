"""liteport's own operators in PyTorch: layers that quantise what they take while they run.

PyTorch's (quantized::linear_dynamic and others) take weights in objects of C++, which no graph holds.
"""

from __future__ import annotations

import torch
from torch import Tensor

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering.formula import Term


@torch.library.custom_op("liteport::dynamic_linear", mutates_args=())  # type: ignore[untyped-decorator]
def dynamic_linear(x: Tensor, numbers: Tensor, scales: Tensor, zero_points: Tensor) -> Tensor:
    """x[.., M, I], on the grid of 8 bits that it fills, by (numbers[O, I] - zero_points[O]) * scales[O]: [.., M, O]

    Computed on real numbers here: a graph holds it, and does not run it.
    """
    return torch.nn.functional.linear(x, (numbers - zero_points[:, None]) * scales[:, None])


@dynamic_linear.register_fake  # type: ignore[untyped-decorator]
def _(x: Tensor, numbers: Tensor, scales: Tensor, zero_points: Tensor) -> Tensor:
    return x.new_empty(*x.shape[:-1], numbers.shape[0])


def lower_dynamic_linear(b: TorchBuilder, x: Value, numbers: Value, scales: Value, zero_points: Value) -> Value:
    """dynamic_linear(Tensor x, Tensor numbers, Tensor scales, Tensor zero_points) -> Tensor"""
    whole, scale, start = b.emit_many(ops.DynamicQuantize(), x)
    weights, offsets = b.const(numbers.array.T.copy(), name=numbers.name), b.const(zero_points.array)
    product = Term(b, b.emit(ops.MatmulInteger(), whole, weights, start, offsets)).cast(DType.FLOAT32)
    return (product * (Term(b, scale) * Term(b, scales))).value


@torch.library.custom_op("liteport::taken", mutates_args=())  # type: ignore[untyped-decorator]
def taken(x: Tensor) -> Tensor:
    """x, which a layer takes that quantises it while it runs: here it computes on the real numbers themselves."""
    return x.clone()


@taken.register_fake  # type: ignore[untyped-decorator]
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


def lower_taken(b: TorchBuilder, x: Value) -> Value:
    """taken(Tensor x) -> Tensor"""
    return x


LOWERINGS: Table = {
    torch.ops.liteport.dynamic_linear.default: lower_dynamic_linear,
    torch.ops.liteport.taken.default: lower_taken,
}
