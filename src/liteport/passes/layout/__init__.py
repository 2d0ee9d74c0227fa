"""layout: the exact minimum cut that decides in which order every value is stored.

    transpose(conv(transpose(relu(transpose(conv(transpose(x)))))))   =>   transpose(conv(relu(conv(transpose(x)))))

Each round solves one minimum cut over all values that have an alternative order (cut.py), and
rewrites the graph for it (rewrite.py). The present orders are always one of the solutions, so a
round never makes the graph dearer. A value with several possible alternatives gets another one in
another round, which starts from the transposes that are left; two rounds without gain end it.
"""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir.graph import Graph
from liteport.passes.base import Pass
from liteport.passes.layout.cut import choose, seeds_of
from liteport.passes.layout.rewrite import rewrite

_MOST_ROUNDS = 6


@dataclass(frozen=True)
class Layout(Pass):
    """Moves, merges and drops transposes so that the fewest bytes are transposed."""

    def run(self, graph: Graph) -> bool:
        idle = rounds = 0
        while idle < 2 and rounds < _MOST_ROUNDS:
            seeds = seeds_of(graph)
            choice = choose(graph, seeds if rounds % 2 == 0 else seeds[::-1])
            idle = 0 if choice.orders else idle + 1
            rounds += 1
            if choice.orders or rounds == 1:
                rewrite(graph, choice)
        return rounds > idle
