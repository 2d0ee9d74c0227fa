"""What a pass is."""

from __future__ import annotations

from dataclasses import dataclass, field

from liteport.ir.graph import Graph, Op


@dataclass(frozen=True)
class Pass:
    """Takes a valid graph, leaves a valid graph, and says whether it changed it.

    A pass that could have acted on an operation and did not says why, in `declined`.
    """

    declined: list[tuple[Op, str]] = field(default_factory=list, init=False, repr=False, compare=False)

    def run(self, graph: Graph) -> bool:
        """Rewrites `graph` in place; True where it changed."""
        raise NotImplementedError

    def decline(self, op: Op, why: str) -> None:
        self.declined.append((op, why))
