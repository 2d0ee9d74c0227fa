"""share_joined: what is joined already is not joined from its parts again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation
from liteport.passes.base import Pass

_Parts = Sequence[Value]


@dataclass(frozen=True)
class ShareJoined(Pass):
    """%1 = concat(a, b); %2 = concat(a, b, c)   =>   %1 = concat(a, b); %2 = concat(%1, c)

    Every layer of a DenseNet takes what all layers before it made. Fewer pieces are fewer copies for each place, and
    CONCATENATION of more than five leaves XNNPACK.
    """

    def run(self, graph: Graph) -> bool:
        joined: dict[Hashable, list[tuple[_Parts, Value]]] = defaultdict(list)
        changed = False
        for op in graph.find(ops.Concatenation):
            parts = [v for v in op.inputs if v is not None]
            if any(v.quantization is not None for v in (*parts, op.output)) or not _is_plain(op):
                continue
            shared = [run for at in range(len(parts)) for run in _runs(joined[op.operator, id(parts[at])], parts, at)]
            result = op.output
            if shared:
                at, others, whole = max(shared, key=lambda run: len(run[1]))
                result = Builder(graph, op).emit(op.operator, *parts[:at], whole, *parts[at + len(others) :])
                graph.replace(op, result)
                changed = True
            joined[op.operator, id(parts[0])].append((parts, result))
        return changed


def _is_plain(op: Op) -> bool:
    return isinstance(op.operator, ops.Concatenation) and op.operator.activation is Activation.NONE


def _runs(joined: Sequence[tuple[_Parts, Value]], parts: _Parts, at: int) -> list[tuple[int, _Parts, Value]]:
    """What of `parts` is joined, from the one at that place on, and is not all of them."""
    return [
        (at, others, whole)
        for others, whole in joined
        if 1 < len(others) < len(parts)
        and len(others) <= len(parts) - at
        and all(a is b for a, b in zip(others, parts[at:], strict=False))
    ]
