"""Functions that TFLite has no builtin for: TensorFlow's converter leaves them as they are, to be written out here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Module
from liteport.lowering import math, special
from liteport.lowering.formula import Term


def written(module: Module) -> Module:
    """The module with the functions of FUNCTIONS in builtin operators."""
    for graph in module.graphs:
        for op in graph.find(ops.Opaque):
            function = FUNCTIONS.get(op.operator.custom_code) if isinstance(op.operator, ops.Opaque) else None
            if function is not None:
                graph.replace(op, function(Term(Builder(graph, op), op.input)).value)
    return module


def are_known(refused: Mapping[str, str]) -> bool:
    """Whether operators were refused, all of them are of FUNCTIONS, and of float32: of no type beside their name."""
    return bool(refused) and refused.keys() <= FUNCTIONS.keys() and not any(refused.values())


FUNCTIONS: Mapping[str, Callable[[Term], Term]] = {
    "Acos": math.acos,
    "Acosh": math.acosh,
    "Asin": math.asin,
    "Asinh": math.asinh,
    "Atan": math.atan,
    "Atanh": math.atanh,
    "BesselI0": special.i0,
    "BesselI1": special.i1,
    "Cosh": math.cosh,
    "Digamma": special.digamma,
    "Erf": math.erf,
    "Erfc": math.erfc,
    "Erfinv": math.erfinv,
    "Ndtri": special.ndtri,
    "Sinh": math.sinh,
    "Tan": math.tan,
}
"""Of float32, by TensorFlow's names of the operators."""
