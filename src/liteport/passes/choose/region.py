"""Regions: operations that lead to one, whose results nothing outside takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from liteport.ir.graph import Graph, Op

Belongs = Callable[[Op], bool]
"""Whether an operation of one result may stand in a region before its last one."""


def region(graph: Graph, last: Op, belongs: Belongs) -> list[Op]:
    """`last`, and before it, in order, those that belong and whose results only these take."""
    found, inside = [last], {id(last)}
    taken = {id(v) for v in last.inputs}
    for op in reversed(graph.ops[: graph.ops.index(last)]):
        is_taken = len(op.outputs) == 1 and id(op.output) in taken and not graph.is_output(op.output)
        if is_taken and all(id(user) in inside for user in op.output.users) and belongs(op):
            found.append(op)
            inside.add(id(op))
            taken |= {id(v) for v in op.inputs}
    return found[::-1]


def behind(op: Op, belongs: Belongs) -> Iterator[Op]:
    """What an operation's result comes to through operations that belong, and these."""
    seen, left = {id(op)}, [op]
    while left:
        for user in (user for v in left.pop().outputs for user in v.users):
            if id(user) in seen:
                continue
            seen.add(id(user))
            yield user
            if belongs(user):
                left.append(user)
