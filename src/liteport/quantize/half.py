"""half: large constants are stored in float16."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value, constant
from liteport.ir.types import Array, DType
from liteport.passes.base import Pass
from liteport.quantize.chosen import LEAST


@dataclass(frozen=True)
class HalveConstants(Pass):
    """conv(x, w: float32)   =>   conv(x, dequantize(w: float16))

    XNNPACK unpacks such constants when it loads the file, the built-in kernel at the first run: the arithmetic is that
    of float32. A constant with a number that float16 does not reach stays as it is. Those that are shared between
    graphs stay shared: `halves` has the float16 arrays by the address of their float32 ones.
    """

    halves: dict[int, Array]

    def run(self, graph: Graph) -> bool:
        changed = False
        for value in [v for v in graph.values() if v.data is not None and v.dtype is DType.FLOAT32]:
            if not value.uses or value.has_sizes or value.type.size < LEAST or "sparsity" in value.extra:
                continue
            half = self._half(value)
            if half is None:
                self.decline(value.users[0], "a number in it is beyond float16")
                continue
            _store(graph, value, half)
            changed = True
        return changed

    def _half(self, value: Value) -> Array | None:
        key = value.array.__array_interface__["data"][0]
        if key not in self.halves:
            with np.errstate(over="ignore"):
                self.halves[key] = value.array.astype(np.float16)
        half = self.halves[key]
        return half if np.array_equal(np.isfinite(half), np.isfinite(value.array)) else None


def _store(graph: Graph, value: Value, half: Array) -> None:
    """Puts DEQUANTIZE of `half` in the place of the constant."""
    first = min(value.users, key=graph.ops.index)
    stored = constant(half, f"{value.name}_float16")
    unpacked = Builder(graph, first).emit(ops.Dequantize(), stored, name=value.name)
    graph.replace_value(value, unpacked, only=[op for op in value.users if op is not unpacked.producer])
