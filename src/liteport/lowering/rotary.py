"""Rotary position embedding: pairs of elements turned by angles that depend on the position.

Source: "RoFormer: Enhanced Transformer with Rotary Position Embedding", Su et al. 2021.
"""

from __future__ import annotations

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering import basic, joining


def rotate(b: Builder, x: Value, cos: Value, sin: Value, *, interleaved: bool = False) -> Value:
    """x[..., D] whose first R elements are turned in pairs by cos[..., R/2] and sin[..., R/2], which broadcast.

    Pairs are an element of the first half and one of the second, or (`interleaved`) neighbours.
    """
    half, rest = cos.shape[-1], x.shape[-1] - 2 * cos.shape[-1]
    turned, *still = joining.pieces(b, x, -1, [2 * half, rest] if rest != 0 else [2 * half])
    if interleaved:
        pairs = basic.reshape(b, turned, (*x.shape[:-1], half, 2))
        first, second = (basic.squeeze(b, basic.narrow(b, pairs, -1, i, 1), -1) for i in (0, 1))
    else:
        first, second = joining.pieces(b, turned, -1, [half, half])
    real = b.emit(ops.Sub(), b.emit(ops.Mul(), first, cos), b.emit(ops.Mul(), second, sin))
    imaginary = b.emit(ops.Add(), b.emit(ops.Mul(), first, sin), b.emit(ops.Mul(), second, cos))
    if interleaved:
        both = basic.reshape(b, joining.stack(b, [real, imaginary], -1), turned.shape)
    else:
        both = joining.join(b, [real, imaginary], -1)
    return joining.join(b, [both, *still], -1)
