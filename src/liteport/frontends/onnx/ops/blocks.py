"""Weights of few bits that are packed in blocks, each with a scale of its own (domain com.microsoft): large language
models come so. The kernels of integers have one scale a row at most, so the weights become the floats that they stand
for.
"""

from __future__ import annotations

import numpy as np

from liteport.errors import InputError, UnsupportedError
from liteport.frontends.onnx.context import FEW, OnnxBuilder, Table, known
from liteport.frontends.onnx.ops._common import MICROSOFT
from liteport.ir.graph import Value
from liteport.ir.types import Array, DType
from liteport.lowering import indexing
from liteport.lowering import matmul as product

_HALF = np.array([0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4], np.float32)
_FP4 = np.concatenate([_HALF, -_HALF])

# The 16 quantiles of the normal distribution of "QLoRA: Efficient Finetuning of Quantized LLMs", appendix E.
_NF4 = np.array(
    [
        *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
        *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
        *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
        *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
    ],
    np.float32,
)


def matmul_nbits(
    b: OnnxBuilder,
    x: Value,
    weights: Value,
    scales: Value,
    zero_points: Value | None = None,
    group_index: Value | None = None,
    bias: Value | None = None,
    *,
    K: int,
    N: int,
    block_size: int,
    bits: int = 4,
    accuracy_level: int = 0,
    weight_prepacked: int = 0,
) -> Value:
    """MatMulNBits(A, B, scales, zero_points=2^(bits-1), g_idx, bias, K, N, block_size, bits=4): A[.., K] by B[N, K]

    B is packed [N, blocks, bytes of a block]; g_idx says of which block each of K is, which else follow each other.
    """
    if weight_prepacked:
        raise UnsupportedError("weights in the order of one device's memory (weight_prepacked)")
    blocks = -(-K // block_size)
    steps, starts = known(scales, "scales").reshape(N, blocks), _starts(zero_points, bits, (N, blocks))
    real = unpacked(known(weights, "weights").reshape(N, blocks, -1), bits).astype(np.float32)
    if group_index is None:  # in place: these are most of a large model
        real -= starts[..., None]
        real *= steps[..., None]
        real = real.reshape(N, -1)[:, :K]
    else:
        own = known(group_index, "groups")[:K]
        real = (real.reshape(N, -1)[:, :K] - starts[:, own]) * steps[:, own]
    return product.linear(b, x, b.const(real, name=weights.name), bias)


def matmul_bnb4(
    b: OnnxBuilder,
    x: Value,
    weights: Value,
    absmax: Value,
    *,
    K: int,
    N: int,
    block_size: int,
    quant_type: int,
    training_mode: int = 0,
    transB: int = 1,
) -> Value:
    """MatMulBnb4(A, B, absmax, K, N, block_size, quant_type, transB=1): A[.., K] by B[N, K], or A[.., N] if not transB

    B is the places in a table of 16 numbers (quant_type 0 is FP4, 1 NF4), the first in the higher half of each byte;
    every block of them has a number that they are times.
    """
    if quant_type not in (0, 1):
        raise UnsupportedError(f"weights of quant_type {quant_type}: use 0 (FP4) or 1 (NF4)")
    packed = known(weights, "weights").reshape(-1)
    places = np.stack([packed >> 4, packed & 15], axis=-1).reshape(-1)[: N * K]
    table = (_FP4, _NF4)[quant_type]
    times = np.repeat(known(absmax, "absmax").reshape(-1), block_size)[: N * K]
    real = (table[places] * times.astype(np.float32)).reshape(N, K)
    return product.linear(b, x, b.const(real if transB else real.T, name=weights.name))


def gather_block_quantized(
    b: OnnxBuilder,
    data: Value,
    indices: Value,
    scales: Value,
    zero_points: Value | None = None,
    *,
    bits: int = 4,
    block_size: int = 128,
    gather_axis: int = 0,
    quantize_axis: int = 1,
) -> Value:
    """GatherBlockQuantized(data, indices, scales, zero_points, bits=4, block_size=128, gather_axis=0, quantize_axis=1)

    Zero points are 2^(bits-1) unless given, or 0 for data that are int4 or uint4 by type.
    """
    numbers, steps = known(data, "data"), known(scales, "scales")
    shape, axis = steps.shape, quantize_axis % steps.ndim
    if data.dtype.is_float:
        raise UnsupportedError("a table of floats of few bits")
    if data.dtype is DType.UINT8 and FEW not in data.extra:
        numbers, starts = unpacked(numbers, bits), _starts(zero_points, bits, shape)
    else:
        starts = np.zeros(shape, np.float32) if zero_points is None else known(zero_points, "zero points")
    own = np.arange(numbers.shape[axis]) // block_size
    step, start = (np.take(each, own, axis).astype(np.float32) for each in (steps, starts))
    table = b.const((numbers.astype(np.float32) - start) * step, name=data.name)
    return indexing.take(b, table, gather_axis, indices)


def unpacked(packed: Array, bits: int) -> Array:
    """uint8 [.., bytes] as the numbers of so many bits in them, the lowest first."""
    if bits not in (2, 4, 8):
        raise UnsupportedError(f"weights of {bits} bits: use 2, 4 or 8")
    if packed.dtype != np.uint8:
        raise InputError(f"packed numbers in {packed.dtype}, where uint8 is due")
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    apart = (packed[..., None] >> shifts) & np.uint8((1 << bits) - 1)
    return apart.reshape(*packed.shape[:-1], -1)


def _starts(zero_points: Value | None, bits: int, shape: tuple[int, ...]) -> Array:
    """The zero point of every block: the middle, as they are in floats, or packed like the weights."""
    if zero_points is None:
        return np.full(shape, 1 << (bits - 1), np.float32)
    given = known(zero_points, "zero points")
    if given.dtype == np.uint8:
        given = unpacked(given.reshape(*shape[:-1], -1), bits)[..., : shape[-1]]
    return given.reshape(shape).astype(np.float32)


LOWERINGS: Table = {
    (MICROSOFT, "MatMulNBits"): matmul_nbits,
    (MICROSOFT, "MatMulBnb4"): matmul_bnb4,
    (MICROSOFT, "GatherBlockQuantized"): gather_block_quantized,
}
