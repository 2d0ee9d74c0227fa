"""common: operations that compute the same thing become one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value
from liteport.passes.base import Pass

# Constants above this many bytes are told apart by identity; the writer stores equal ones once in any case.
_SMALL = 4096


@dataclass(frozen=True)
class ShareCommon(Pass):
    """%1 = f(x); %2 = f(x)   =>   %1 = f(x), used in both places"""

    def run(self, graph: Graph) -> bool:
        first: dict[Hashable, Op] = {}
        changed = False
        for op in list(graph.ops):
            if op.operator.stateful or any(v.variable for v in op.inputs if v is not None):
                continue
            key = (op.operator, *(value_key(v) for v in op.inputs), *(v.type for v in op.outputs), _ranges(op))
            twin = first.setdefault(key, op)
            if twin is op or any(graph.is_output(v) for v in op.outputs):
                continue
            for old, new in zip(op.outputs, twin.outputs, strict=True):
                graph.replace_value(old, new)
            graph.erase(op)
            changed = True
        return changed


def permutation(op: Op | None) -> tuple[int, ...] | None:
    """The order in which a TRANSPOSE puts dimensions; None for one that is computed, and for anything else."""
    perm = op.operand(1) if op is not None and isinstance(op.operator, ops.Transpose) else None
    return None if perm is None or not perm.is_const else tuple(int(i) for i in perm.array.reshape(-1))


def value_key(value: Value | None) -> Hashable:
    """What two values have in common that are the same, or small constants with the same numbers."""
    if value is None or value.data is None or value.type.nbytes > _SMALL:
        return id(value)
    return value.type, value.quantization, tuple(value.data.flat) if value.has_sizes else value.data.tobytes()


def _ranges(op: Op) -> Hashable:
    return tuple((q.scale, q.zero_point) if (q := v.quantization) else None for v in op.outputs)
