"""layout: the exact minimum cut that decides in which order every value is stored.

    transpose(conv(transpose(relu(transpose(conv(transpose(x)))))))   =>   transpose(conv(relu(conv(transpose(x)))))

Each round solves one minimum cut over all values that have an alternative order (cut.py), and
rewrites the graph for it (rewrite.py). The present orders are always one of the solutions, so a
round never makes the graph dearer. A value with several possible alternatives gets another one in
another round, which starts from the transposes that are left; two rounds without gain end it.
"""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.graph import Graph
from liteport.passes.base import Pass
from liteport.passes.layout.cut import choose, seeds_of
from liteport.passes.layout.rewrite import rewrite

_MOST_ROUNDS = 6


@dataclass(frozen=True)
class Layout(Pass):
    """Moves, merges and drops transposes so that the fewest bytes are transposed."""

    def run(self, graph: Graph) -> bool:
        changed = False
        for round in range(_MOST_ROUNDS):
            before = _cost(graph)
            seeds = seeds_of(graph)
            rewrite(graph, choose(graph, seeds if round % 2 == 0 else seeds[::-1]))
            gained = _cost(graph) < before
            changed |= gained
            if not gained and round > 0:
                break
        return changed


def _cost(graph: Graph) -> tuple[int, int]:
    """Bytes that transposes move, and how many there are."""
    transposes = graph.find(ops.Transpose)
    return sum(op.output.type.nbytes for op in transposes), len(transposes)
