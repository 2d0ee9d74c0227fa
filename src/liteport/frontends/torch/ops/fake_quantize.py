"""Fake quantisation, as training for it leaves it in a network: numbers rounded to the grid of integers, as floats.

Where a grid fills 8 bits it is written as what it stands for, between QUANTIZE and DEQUANTIZE, and weights say on which
grid they lie: kernels of integers can take both over.
"""

from __future__ import annotations

import numpy as np
import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType, Quantization
from liteport.lowering import basic, math
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
    return _rounded(b, x, _vector(b, scale), _vector(b, zero_point), 0, quant_min, quant_max)


def per_channel(
    b: TorchBuilder, x: Value, scale: Value, zero_point: Value, axis: int, quant_min: int, quant_max: int
) -> Value:
    """fake_quantize_per_channel_affine(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min,
    int quant_max) -> Tensor
    """
    return _rounded(b, x, scale, zero_point, from_front(axis, x.rank), quant_min, quant_max)


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
    out = _rounded(b, x, scale, zero_point, along, quant_min, quant_max) if _is_on(fake_quant_on) else x
    mask = basic.filled(b, b.results[1], 1)  # for gradients
    return out, mask, running_min, running_max, scale, zero_point


def _is_on(flag: Value) -> bool:
    return flag.data is None or bool(flag.array.any())


def _vector(b: TorchBuilder, parameter: Parameter) -> Value:
    return parameter if isinstance(parameter, Value) else b.const(np.asarray([parameter], np.float32))


def _rounded(b: TorchBuilder, x: Value, scale: Value, zero: Value, along: int, low: int, high: int) -> Value:
    """x rounded to the grid of the numbers from `low` to `high`, of which each stands for (number - zero) * scale."""
    if scale.data is not None and zero.data is not None and high - low <= 255:
        grid = _grid(scale, zero, along, low, high)
        if x.is_const:
            return _constant(b, x, scale, zero, grid, low, high)
        if scale.type.size == 1 and high - low == 255:
            numbers = b.emit(ops.Quantize(to=DType.INT8), x)
            numbers.quantization = grid
            return b.emit(ops.Dequantize(), numbers)
    shape = [x.shape[along] if i == along else 1 for i in range(x.rank)] if scale.type.size > 1 else ()
    step, start = (Term(b, basic.reshape(b, convert(b, p, DType.FLOAT32), shape)) for p in (scale, zero))
    whole = math.clamp(emit(ops.Round(), Term(b, x) * (1.0 / step) + start), float(low), float(high))
    return ((whole - start) * step).value


def _grid(scale: Value, zero: Value, along: int, low: int, high: int) -> Quantization:
    """The grid in numbers of int8: the same, or as far from the lowest."""
    shift = 0 if low >= -128 and high <= 127 else -128 - low
    starts = (zero.array.reshape(-1).astype(np.int64) + shift).tolist()
    return Quantization(tuple(map(float, scale.array.reshape(-1))), tuple(starts), along)


def _constant(b: TorchBuilder, x: Value, scale: Value, zero: Value, grid: Quantization, low: int, high: int) -> Value:
    """A constant on its grid, which it says."""
    shape = [-1 if i == grid.axis else 1 for i in range(x.rank)] if scale.type.size > 1 else ()
    step, start = scale.array.reshape(shape).astype(np.float32), zero.array.reshape(shape).astype(np.float32)
    numbers = np.clip(np.rint(x.array * (np.float32(1) / step) + start), low, high)
    real = b.const(((numbers - start) * step).astype(np.float32), name=x.name)
    real.quantization = grid
    return real


LOWERINGS: Table = {
    aten.fake_quantize_per_tensor_affine.default: per_tensor,
    aten.fake_quantize_per_tensor_affine.tensor_qparams: per_tensor,
    aten.fake_quantize_per_channel_affine.default: per_channel,
    aten._fused_moving_avg_obs_fq_helper_functional.default: observed,
}
