"""Matrix products."""

from __future__ import annotations

from liteport.frontends.onnx.context import OnnxBuilder, Table
from liteport.frontends.onnx.ops._common import terms
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.lowering import basic
from liteport.lowering import einsum as summation
from liteport.lowering import matmul as product
from liteport.lowering.formula import Term, emit
from liteport.lowering.operands import convert, wide


def matmul(b: OnnxBuilder, x: Value, y: Value) -> Value:
    """MatMul(A, B)"""
    kind = wide(x.dtype)
    return convert(b, product.matmul(b, convert(b, x, kind), convert(b, y, kind)), x.dtype)


def gemm(
    b: OnnxBuilder,
    x: Value,
    y: Value,
    c: Value | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
    broadcast: int = 1,
) -> Value:
    """Gemm(A, B, C, alpha=1, beta=1, transA=0, transB=0): alpha A B + beta C"""
    kind = wide(x.dtype)
    left, right = (convert(b, v, kind) for v in (x, y))
    left = basic.transpose(b, left, [1, 0]) if transA else left
    bias = None if c is None else _scaled(b, convert(b, c, kind), beta)
    if transB and right.dtype.is_float and right.is_const:
        columns = bias is not None and bias.is_const and bias.shape == right.shape[:1] and alpha == 1
        out = product.linear(b, left, right, bias if columns else None)
        bias = None if columns else bias
    else:
        right = basic.transpose(b, right, [1, 0]) if transB else right
        columns = bias is not None and bias.is_const and bias.shape == right.shape[1:] and alpha == 1
        if right.data is not None and right.dtype.is_float:
            out = product.linear(b, left, basic.turned(b, right), bias if columns else None)
            bias = None if columns else bias
        else:
            out = product.matmul(b, left, right)
    out = _scaled(b, out, alpha)
    if bias is not None:
        out = emit(ops.Add(), *terms(b, out, bias, dtype=kind)).value
    return convert(b, out, x.dtype)


def _scaled(b: OnnxBuilder, x: Value, factor: float) -> Value:
    if factor == 1:
        return x
    return (Term(b, x) * (factor if x.dtype.is_float else int(factor))).value


def einsum(b: OnnxBuilder, *values: Value, equation: str) -> Value:
    """Einsum(Inputs, equation)"""
    return summation.einsum(b, equation, values)


LOWERINGS: Table = {
    ("", "MatMul"): matmul,
    ("", "Gemm"): gemm,
    ("", "Einsum"): einsum,
}
