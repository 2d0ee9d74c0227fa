"""Fourier transforms and what goes with them, and determinants."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, known
from liteport.frontends.onnx.ops.create import carried_type
from liteport.ir.graph import Value
from liteport.lowering import basic, determinant, fourier


def dft(
    b: OnnxBuilder,
    x: Value,
    length: Value | None = None,
    at: Value | None = None,
    *,
    axis: int = 1,
    inverse: int = 0,
    onesided: int = 0,
) -> Value:
    """DFT(input, dft_length, axis=-2, inverse=0, onesided=0); before opset 20 the axis is an attribute, and 1."""
    along = _number(at, -2, "an axis") if b.opset >= 20 else axis
    size = x.shape[along % x.rank]
    usual = 2 * (size - 1) if inverse and onesided else size
    count = _number(length, usual, "a length")
    return fourier.transform(b, x, along % x.rank, count, inverse=bool(inverse), onesided=bool(onesided))


def stft(
    b: OnnxBuilder,
    x: Value,
    step: Value,
    window: Value | None = None,
    length: Value | None = None,
    *,
    onesided: int = 1,
) -> Value:
    """STFT(signal, frame_step, window, frame_length, onesided=1)"""
    usual = x.shape[1] if window is None else window.shape[0]
    count = _number(length, usual, "a length")
    signal = basic.unsqueeze(b, x, 2) if x.rank == 2 else x
    return fourier.short_time(b, signal, _number(step, 1, "a step"), window, count, onesided=bool(onesided))


def _number(value: Value | None, usual: int, what: str) -> int:
    return usual if value is None else int(known(value, what).reshape(-1)[0])


def mel_weights(
    b: OnnxBuilder,
    count: Value,
    length: Value,
    rate: Value,
    low: Value,
    high: Value,
    *,
    output_datatype: int = TensorProto.FLOAT,
) -> Value:
    """MelWeightMatrix(num_mel_bins, dft_length, sample_rate, lower_edge_hertz, upper_edge_hertz): triangles between
    frequencies that are as far apart on the mel scale, 2595 log10(1 + f / 700), [bins of the transform, mel bins]"""
    mels, bins, samples = (int(known(v, "a number").reshape(-1)[0]) for v in (count, length, rate))
    first, last = (2595 * np.log10(1 + known(v, "a frequency").reshape(-1)[0] / 700) for v in (low, high))
    at = first + np.arange(mels + 2) * (last - first) / (mels + 2)
    edges = np.floor((bins + 1) * 700 * (10 ** (at / 2595) - 1) / samples).astype(int)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    line = np.arange(bins // 2 + 1)[:, None]
    rising = (line - left) / np.maximum(middle - left, 1)
    falling = (right - line) / np.maximum(right - middle, 1)
    matrix = np.where((line >= left) & (line < middle), rising, 0) + np.where(
        (line > middle) & (line < right), falling, 0
    )
    return b.const((matrix + (line == middle)).astype(carried_type(output_datatype).numpy))


def det(b: OnnxBuilder, x: Value) -> Value:
    """Det(X)"""
    if not x.dtype.is_float:
        raise UnsupportedError("a determinant of integers")
    return determinant.determinant(b, x)


LOWERINGS: Table = {
    ("", "DFT"): dft,
    ("", "STFT"): stft,
    ("", "MelWeightMatrix"): mel_weights,
    ("", "Det"): det,
}
