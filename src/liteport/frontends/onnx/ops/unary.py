"""Functions of one tensor: powers and logarithms, trigonometry, rounding, signs."""

from __future__ import annotations

from collections.abc import Callable

from liteport.frontends.onnx.context import Lowering, OnnxBuilder, Table
from liteport.frontends.onnx.ops._common import computed, single
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.lowering import math
from liteport.lowering.formula import Term, emit


def integral(function: Callable[[Term], Term]) -> Lowering:
    """A rounding function, which leaves integers as they are."""

    def lowering(b: OnnxBuilder, x: Value) -> Value:
        return function(Term(b, x)).value if x.dtype.is_float else x

    return lowering


LOWERINGS: Table = {
    ("", "Abs"): single(ops.Abs()),
    ("", "Neg"): single(ops.Neg()),
    ("", "Sign"): single(ops.Sign()),
    ("", "Sqrt"): single(ops.Sqrt()),
    ("", "Exp"): single(ops.Exp()),
    ("", "Log"): single(ops.Log()),
    ("", "Reciprocal"): computed(lambda x: 1.0 / x),
    ("", "Sin"): single(ops.Sin()),
    ("", "Cos"): single(ops.Cos()),
    ("", "Tan"): computed(math.tan),
    ("", "Asin"): computed(math.asin),
    ("", "Acos"): computed(math.acos),
    ("", "Atan"): computed(math.atan),
    ("", "Sinh"): computed(math.sinh),
    ("", "Cosh"): computed(math.cosh),
    ("", "Tanh"): single(ops.Tanh()),
    ("", "Asinh"): computed(math.asinh),
    ("", "Acosh"): computed(math.acosh),
    ("", "Atanh"): computed(math.atanh),
    ("", "Erf"): single(ops.Erf()),
    ("", "Sigmoid"): single(ops.Logistic()),
    ("", "Floor"): integral(lambda x: emit(ops.Floor(), x)),
    ("", "Ceil"): integral(lambda x: emit(ops.Ceil(), x)),
    ("", "Round"): integral(lambda x: emit(ops.Round(), x)),
}
