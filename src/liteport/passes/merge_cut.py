"""merge_cut: what is cut into slices of one is cut along a larger dimension instead, and moved as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import prod

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.lowering.basic import reshape, scalar
from liteport.passes.base import Pass
from liteport.passes.moves import Movement, above, below


@dataclass(frozen=True)
class MergeCut(Pass):
    """split(transpose(x[n,t,3,h,d], [2,0,3,1,4]), at 3)   =>   split(transpose(x[n,t,3*h,d], [0,2,1,3]), at 3*h)

    A dimension that is cut into slices of one is gone afterwards, so it may stand anywhere: beside the dimension
    that follows it in x the two are one. The parts come out without it, and the transpose has a dimension less, or
    nothing left to move.

    [transpose(part) for part in split(x)]   =>   split(transpose(x))

    Movements that all parts go through are one of the whole.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Split):
            axis = _axis(op)
            if axis is None:
                continue
            chains = _alike(graph, op)
            after = max(chains, key=len)
            is_one = op.output.shape[axis] == 1
            part = _one(graph, op, axis, after) if is_one else _longer(op, axis, after)
            if isinstance(part, str):
                self.decline(op, part)
                continue
            changed |= _rewrite(graph, op, part, chains) or _rewrite(graph, op, part, [[] for _ in chains])
        return changed


@dataclass(frozen=True)
class _Part:
    """How a part of `source`, cut along the factor that has `before` elements in front of it, moves to be a result.

    `moved`: whether operations move the source now, before it is cut.
    """

    source: Value
    movement: Movement
    before: int
    moved: bool


def _axis(op: Op) -> int | None:
    """The axis along which a SPLIT cuts; None where it is not constant, or nothing is to be moved."""
    x, axis = op.operand(1), op.operand(0)
    if not axis.is_const or x.is_const or x.quantization is not None or 0 in x.shape:
        return None
    return int(axis.array.reshape(-1)[0]) % x.rank


def _one(graph: Graph, op: Op, axis: int, after: Sequence[Op]) -> _Part | str:
    """A part of one, as a part along the dimension that follows in the source; or why it cannot be.

    It comes out without the dimension that is cut, unless movements `after` it know of that.
    """
    x = op.operand(1)
    chain = above(graph, x) if graph.sole_user(x) is not None else []
    source = chain[0].input if chain else x
    whole = Movement.along(chain, source.shape)
    cut = whole.runs()[axis] if whole is not None else ()
    if whole is None or len(cut) != 1:
        return "what makes its operand is not one movement"
    if cut[0] == len(whole.sizes) - 1:
        return "no dimension follows the one that is cut"
    shape = op.output.shape
    target = shape if after else (*shape[:axis], *shape[axis + 1 :])
    return _Part(source, whole.without(cut[0], target), prod(whole.sizes[: cut[0]]), bool(chain))


def _longer(op: Op, axis: int, chain: Sequence[Op]) -> _Part | str:
    """A longer part, which stays where it is; or why that gains nothing."""
    movement = Movement.none(op.output.shape)
    moved = movement.then(chain)
    if moved is None or not moved.moves:
        return "its parts are not all moved alike"
    return _Part(op.operand(1), movement, prod(op.output.shape[:axis]), False)


def _alike(graph: Graph, op: Op) -> list[list[Op]]:
    """For each part the movements after it, as far as all parts go through the same; none for those without a use."""
    chains = [below(graph, part) for part in op.outputs]
    used = [bool(part.uses) or graph.is_output(part) for part in op.outputs]
    count = sum(1 for _ in takewhile(_same, zip(*(c for c, u in zip(chains, used, strict=True) if u), strict=False)))
    return [chain[:count] for chain in chains]


def _same(moves: Sequence[Op]) -> bool:
    return len({(type(op.operator), op.output.shape, _order(op)) for op in moves}) == 1


def _order(op: Op) -> tuple[int, ...] | Op | None:
    """A transpose's order, which is like no other where it is not constant; None for a reshape."""
    if isinstance(op.operator, ops.Reshape):
        return None
    return tuple(op.operand(1).array.tolist()) if op.operand(1).is_const else op


def _rewrite(graph: Graph, op: Op, part: _Part, chains: Sequence[Sequence[Op]]) -> bool:
    """Cuts the source once it is moved as its parts are, `chains` included; False where no kernel can, or where that
    only adds reshapes."""
    after = max(chains, key=len)
    moved = part.movement.then(after)
    factor = moved.factor_after(part.before) if moved is not None else None
    if moved is None or factor is None:
        return False
    wide, axis = moved.widened(factor, len(op.outputs))
    whole = wide.least(part.source.shape)
    if whole is None or len(wide.target) > ops.Split.max_rank:
        return False
    ends = [chain[-1].output if chain else old for chain, old in zip(chains, op.outputs, strict=True)]
    reshaped = sum(end.shape != moved.target for end in ends)
    if not part.moved and whole.cost(part.source.shape)[1] + reshaped >= sum(map(len, chains)):
        return False
    b = Builder(graph, op)
    parts = b.emit_many(op.operator, scalar(b, axis, op.operand(0)), whole.emit(b, part.source))
    results = [reshape(b, each, end.shape) for each, end in zip(parts, ends, strict=True)]
    if not after:
        graph.replace(op, *results)
        return True
    for chain, result in zip(filter(None, chains), (r for r, c in zip(results, chains, strict=True) if c), strict=True):
        graph.replace(chain[-1], result)
        for old in chain[-2::-1]:
            graph.erase(old)
    graph.erase(op)
    return True
