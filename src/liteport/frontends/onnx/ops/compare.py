"""Comparisons and logic."""

from __future__ import annotations

from math import inf

import numpy as np

from liteport.frontends.onnx.context import Lowering, OnnxBuilder, Table
from liteport.frontends.onnx.ops._common import broadcast_at, terms
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering.formula import Term, emit


def comparison(operator: ops.Operator) -> Lowering:
    """The lowering of a relation."""

    def lowering(b: OnnxBuilder, x: Value, y: Value, *, broadcast: int = 0, axis: int | None = None) -> Value:
        left, right = terms(b, x, broadcast_at(b, x, y, axis))
        if x.dtype is DType.UINT64:  # in the order of signed numbers
            left, right = (t + np.iinfo(np.int64).min for t in (left, right))
        return emit(operator, left, right).value

    return lowering


def logical_not(b: OnnxBuilder, x: Value) -> Value:
    """Not(X)"""
    return b.emit(ops.LogicalNot(), x)


def is_nan(b: OnnxBuilder, x: Value) -> Value:
    """IsNaN(X)"""
    value = Term(b, x)
    return value.differs(value).value


def is_inf(b: OnnxBuilder, x: Value, *, detect_negative: int = 1, detect_positive: int = 1) -> Value:
    """IsInf(X, detect_negative=1, detect_positive=1)"""
    value = Term(b, x)
    if detect_negative and detect_positive:
        return abs(value).equals(inf).value
    if not detect_negative and not detect_positive:
        return emit(ops.Less(), abs(value), 0.0).value
    return value.equals(inf if detect_positive else -inf).value


LOWERINGS: Table = {
    ("", "Equal"): comparison(ops.Equal()),
    ("", "Less"): comparison(ops.Less()),
    ("", "Greater"): comparison(ops.Greater()),
    ("", "LessOrEqual"): comparison(ops.LessEqual()),
    ("", "GreaterOrEqual"): comparison(ops.GreaterEqual()),
    ("", "And"): comparison(ops.LogicalAnd()),
    ("", "Or"): comparison(ops.LogicalOr()),
    ("", "Xor"): comparison(ops.NotEqual()),
    ("", "Not"): logical_not,
    ("", "IsNaN"): is_nan,
    ("", "IsInf"): is_inf,
}
