"""legalize: every operation becomes one that LiteRT has a kernel for.

Operators know the element types and ranks of their kernels (Operator.dtypes, Operator.max_rank).
Where an operation has another type it runs in a type that holds it, between casts; where one has too many
dimensions, neighbouring dimensions are merged around it (fit_rank.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op
from liteport.ir.ops.base import Elementwise
from liteport.ir.types import DType
from liteport.lowering.basic import cast
from liteport.passes.base import Pass
from liteport.passes.fit_rank import fit_rank
from liteport.passes.wide_integers import write_wide

# The types to try, in order, for a type that a kernel lacks. Where int64 becomes int32, numbers beyond 32 bits do not
# survive: arithmetic is written out before (wide_integers.py), what is left is maxima of segments and the like.
_SUBSTITUTES: dict[DType, Sequence[DType]] = {
    DType.BOOL: (DType.INT32, DType.FLOAT32),
    DType.INT8: (DType.INT32, DType.FLOAT32),
    DType.UINT8: (DType.INT32, DType.FLOAT32),
    DType.INT16: (DType.INT32, DType.FLOAT32),
    DType.INT32: (DType.INT64, DType.FLOAT32),
    DType.INT64: (DType.INT32, DType.FLOAT32),
    DType.FLOAT16: (DType.FLOAT32,),
}


@dataclass(frozen=True)
class Legalize(Pass):
    """div(int64)   =>   cast(div(cast int32));      add[2,2,2,2,2,2,2]   =>   reshape(add[128](reshape))"""

    def run(self, graph: Graph) -> bool:
        changed = write_wide(graph)
        for op in list(graph.ops):
            if not op.outputs or not op.inputs or isinstance(op.operator, ops.Opaque):
                continue
            op, recast = _fit_type(graph, op)
            changed |= fit_rank(graph, op) or recast
        return changed


def _fit_type(graph: Graph, op: Op) -> tuple[Op, bool]:
    """The operation in a type that its kernel takes, and whether it had to change."""
    main = op.optional(op.operator.main)
    if main is None or main.dtype in op.operator.dtypes or main.quantization is not None:
        return op, False
    substitute = next((t for t in _SUBSTITUTES.get(main.dtype, ()) if t in op.operator.dtypes), None)
    if substitute is None:
        raise UnsupportedError(f"{op.name} has no kernel for {main.type} at {op.source}: use another type there")
    b = Builder(graph, op)
    alike = isinstance(op.operator, Elementwise | ops.Concatenation | ops.AddN | ops.Pack | ops.PadV2)
    inputs = [
        cast(b, v, substitute) if v is not None and (v is main or (alike and v.dtype is main.dtype)) else v
        for v in op.inputs
    ]
    results = b.emit_many(op.operator, *inputs)
    new = results[0].producer
    assert new is not None
    graph.replace(op, *(cast(b, r, old.dtype) for r, old in zip(results, op.outputs, strict=True)))
    return new, True
