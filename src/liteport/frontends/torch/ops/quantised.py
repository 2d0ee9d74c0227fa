"""Fake quantisation, as training for it leaves it in a network, and PT2E's integers between quantize and dequantize.

A grid that fills 8 bits is written as what it stands for, between QUANTIZE and DEQUANTIZE, and weights say on which
grid they lie: kernels of integers can take both over. Other grids are computed with in floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import Array, DType, Quantization
from liteport.lowering import basic, grids, math
from liteport.lowering.formula import Term, emit
from liteport.lowering.operands import axis as from_front
from liteport.lowering.operands import convert

aten = torch.ops.aten

Parameter = Value | float


def per_tensor(
    b: TorchBuilder, x: Value, scale: Parameter, zero_point: Parameter, quant_min: int, quant_max: int
) -> Value:
    """fake_quantize_per_tensor_affine(Tensor self, float scale, int zero_point, int quant_min, int quant_max) -> Tensor

    fake_quantize_per_tensor_affine.tensor_qparams takes the scale and the zero point as tensors.
    """
    return _rounded(b, x, _Grid(_vector(b, scale), _vector(b, zero_point), 0, quant_min, quant_max))


def per_channel(
    b: TorchBuilder, x: Value, scale: Value, zero_point: Value, axis: int, quant_min: int, quant_max: int
) -> Value:
    """fake_quantize_per_channel_affine(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min,
    int quant_max) -> Tensor
    """
    return _rounded(b, x, _Grid(scale, zero_point, from_front(axis, x.rank), quant_min, quant_max))


def observed(
    b: TorchBuilder,
    x: Value,
    observer_on: Value,
    fake_quant_on: Value,
    running_min: Value,
    running_max: Value,
    scale: Value,
    zero_point: Value,
    averaging_const: float,
    quant_min: int,
    quant_max: int,
    ch_axis: int,
    per_row_fake_quant: bool = False,
    symmetric_quant: bool = False,
) -> tuple[Value, Value, Value, Value, Value, Value]:
    """_fused_moving_avg_obs_fq_helper_functional(Tensor self, Tensor observer_on, Tensor fake_quant_on,
    Tensor running_min, Tensor running_max, Tensor scale, Tensor zero_point, float averaging_const, int quant_min,
    int quant_max, int ch_axis, bool per_row_fake_quant=False, bool symmetric_quant=False) -> (Tensor output,
    Tensor mask, Tensor running_min, Tensor running_max, Tensor scale, Tensor zero_point)
    """
    if _is_on(observer_on):
        raise UnsupportedError(
            "fake quantisation whose observer still measures: model.apply(torch.ao.quantization.disable_observer)"
        )
    along = from_front(ch_axis, x.rank) if per_row_fake_quant else 0
    grid = _Grid(scale, zero_point, along, quant_min, quant_max)
    out = _rounded(b, x, grid) if _is_on(fake_quant_on) else x
    mask = basic.filled(b, b.results[1], 1)  # for gradients
    return out, mask, running_min, running_max, scale, zero_point


def _is_on(flag: Value) -> bool:
    return flag.data is None or bool(flag.array.any())


def _vector(b: TorchBuilder, parameter: Parameter) -> Value:
    return parameter if isinstance(parameter, Value) else b.const(np.asarray([parameter], np.float32))


# PT2E: torch.export, prepare_pt2e, convert_pt2e


def quantize(
    b: TorchBuilder, x: Value, scale: Parameter, zero_point: Parameter, quant_min: int, quant_max: int, dtype: Any
) -> Value:
    """quantize_per_tensor(Tensor input, float scale, int zero_point, int quant_min, int quant_max, ScalarType dtype)
    -> Tensor; quantize_per_tensor.tensor takes the scale and the zero point as tensors
    """
    return quantize_channels(b, x, _vector(b, scale), _vector(b, zero_point), 0, quant_min, quant_max, dtype)


def quantize_channels(
    b: TorchBuilder, x: Value, scales: Value, zero_points: Value, axis: int, quant_min: int, quant_max: int, dtype: Any
) -> Value:
    """quantize_per_channel(Tensor input, Tensor scales, Tensor zero_points, int axis, int quant_min, int quant_max,
    ScalarType dtype) -> Tensor
    """
    grid, kind = _Grid(scales, zero_points, from_front(axis, x.rank), quant_min, quant_max), b.result.dtype
    if x.is_const and grid.is_known:
        return b.const(grid.numbers(x).astype(kind.numpy), name=x.name)
    if grid.fills_eight_bits and kind in (DType.INT8, DType.UINT8):
        return grids.quantized(b, x, kind, grid.stored)
    return convert(b, grid.steps(b, x).value, kind)


def dequantize(
    b: TorchBuilder,
    x: Value,
    scale: Parameter,
    zero_point: Parameter,
    quant_min: int,
    quant_max: int,
    dtype: Any,
    *,
    out_dtype: Any = None,
) -> Value:
    """dequantize_per_tensor(Tensor input, float scale, int zero_point, int quant_min, int quant_max, ScalarType dtype,
    *, ScalarType? out_dtype=None) -> Tensor; dequantize_per_tensor.tensor, as quantize
    """
    return dequantize_channels(b, x, _vector(b, scale), _vector(b, zero_point), 0, quant_min, quant_max, dtype)


def dequantize_channels(
    b: TorchBuilder,
    x: Value,
    scales: Value,
    zero_points: Value | None,
    axis: int,
    quant_min: int,
    quant_max: int,
    dtype: Any,
    *,
    out_dtype: Any = None,
) -> Value:
    """dequantize_per_channel(Tensor input, Tensor scales, Tensor? zero_points, int axis, int quant_min, int quant_max,
    ScalarType dtype, *, ScalarType? out_dtype=None) -> Tensor
    """
    zeros = b.const(np.zeros(scales.shape, np.float32)) if zero_points is None else zero_points
    grid = _Grid(scales, zeros, from_front(axis, x.rank), quant_min, quant_max)
    if x.is_const and grid.is_known:
        return grids.real(b, x.array, grid.stored, x.name)
    if x.quantization is None and grid.fills_eight_bits and any(x is given for given in b.graph.inputs):
        x.quantization = grid.stored
    if grid.is_known and x.quantization == grid.stored:
        return b.emit(ops.Dequantize(), x)
    return grid.real(b, Term(b, convert(b, x, DType.FLOAT32)))


# Grids


@dataclass(frozen=True)
class _Grid:
    """The numbers from `low` to `high`, of which each stands for (number - zero) * scale: one of both, or one for each
    element along `axis`."""

    scale: Value
    zero: Value
    axis: int
    low: int
    high: int

    @property
    def is_known(self) -> bool:
        return self.scale.data is not None and self.zero.data is not None

    @property
    def fills_eight_bits(self) -> bool:
        return self.is_known and self.scale.type.size == 1 and self.high - self.low == 255

    @property
    def stored(self) -> Quantization:
        """The grid as it is known."""
        starts = self.zero.array.reshape(-1).astype(np.int64).tolist()
        return Quantization(tuple(map(float, self.scale.array.reshape(-1))), tuple(starts), self.axis)

    @property
    def shift(self) -> int:
        """By how much numbers of int8 differ: not at all, or they are as far from the lowest."""
        return 0 if self.low >= -128 and self.high <= 127 else -128 - self.low

    @property
    def in_int8(self) -> Quantization:
        """The grid in numbers of int8."""
        return replace(self.stored, zero_point=tuple(z + self.shift for z in self.stored.zero_point))

    def steps(self, b: TorchBuilder, x: Value) -> Term:
        """The numbers that x is rounded to, as floats."""
        step, start = self._spread(b, x.rank)
        return math.clamp(emit(ops.Round(), Term(b, x) * (1.0 / step)) + start, float(self.low), float(self.high))

    def real(self, b: TorchBuilder, numbers: Term) -> Value:
        """What numbers, as floats, stand for."""
        step, start = self._spread(b, numbers.value.rank)
        return ((numbers - start) * step).value

    def numbers(self, x: Value) -> Array:
        """The numbers that a constant is rounded to."""
        step, start = (p.array.reshape(self._sizes(x.rank)).astype(np.float32) for p in (self.scale, self.zero))
        return np.clip(np.rint(x.array * (np.float32(1) / step)) + start, self.low, self.high)

    def _spread(self, b: TorchBuilder, rank: int) -> tuple[Term, Term]:
        step, start = (
            basic.reshape(b, convert(b, p, DType.FLOAT32), self._sizes(rank)) for p in (self.scale, self.zero)
        )
        return Term(b, step), Term(b, start)

    def _sizes(self, rank: int) -> Sequence[int]:
        return grids.spread(self.scale.type.size, self.axis, rank)


def _rounded(b: TorchBuilder, x: Value, grid: _Grid) -> Value:
    """x rounded to the grid."""
    if x.is_const and grid.is_known and grid.high - grid.low <= 255:
        return grids.real(b, grid.numbers(x) + grid.shift, grid.in_int8, x.name)
    if grid.fills_eight_bits:
        return b.emit(ops.Dequantize(), grids.quantized(b, x, DType.INT8, grid.in_int8))
    return grid.real(b, grid.steps(b, x))


# What writes into buffers to observe. While it does so it is not converted: see `observed`, which it comes to.
OBSERVERS = frozenset({aten.fused_moving_avg_obs_fake_quant.default})

LOWERINGS: Table = {
    aten.fake_quantize_per_tensor_affine.default: per_tensor,
    aten.fake_quantize_per_tensor_affine.tensor_qparams: per_tensor,
    aten.fake_quantize_per_channel_affine.default: per_channel,
    aten._fused_moving_avg_obs_fq_helper_functional.default: observed,
    # By name: torch.ao or torchao defines them, where one of them is used.
    "quantized_decomposed.quantize_per_tensor.default": quantize,
    "quantized_decomposed.quantize_per_tensor.tensor": quantize,
    "quantized_decomposed.quantize_per_channel.default": quantize_channels,
    "quantized_decomposed.dequantize_per_tensor.default": dequantize,
    "quantized_decomposed.dequantize_per_tensor.tensor": dequantize,
    "quantized_decomposed.dequantize_per_channel.default": dequantize_channels,
}
