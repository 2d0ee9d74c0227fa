"""Chains of reshapes and transposes, seen as one movement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import prod
from operator import mul

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import divides, magnitude
from liteport.ir.types import Shape
from liteport.lowering.basic import reshape, transpose
from liteport.passes.layout.orders import identity, permuted

# XNNPACK's TRANSPOSE stops here.
MAX_RANK = 6


@dataclass(frozen=True)
class Movement:
    """The dimensions of a value cut into factors of `sizes`, which come out in `order` and in the shape `target`."""

    sizes: Shape
    order: tuple[int, ...]
    target: Shape

    @staticmethod
    def along(chain: Sequence[Op], shape: Shape) -> Movement | None:
        """What the reshapes and transposes of `chain` do one after the other to a value of `shape`.

        Its last dimension may differ from the one that the chain has, as far as the chain leaves it alone. None where
        a reshape cuts a dimension at no divisor of it, or an order is not constant.
        """
        return Movement.none(shape).then(chain)

    @staticmethod
    def none(shape: Shape) -> Movement:
        """A value of `shape` as it is."""
        wide = tuple(d for d in shape if d != 1)
        return Movement(wide, identity(len(wide)), shape)

    def then(self, chain: Sequence[Op]) -> Movement | None:
        """The movement with the reshapes and transposes of `chain` after it, as `along`."""
        found: Movement | None = self
        for op in chain:
            if found is None or 0 in op.output.shape or not op.operand(1).is_const:
                return None
            if isinstance(op.operator, ops.Transpose):
                found = found.transposed([int(i) for i in op.operand(1).array])
            elif keeps_last(op):
                found = found._reshaped((*op.output.shape[:-1], found.target[-1]))
            else:
                found = found._reshaped(op.output.shape)
        return found

    def transposed(self, perm: Sequence[int]) -> Movement:
        """The movement with a transpose after it."""
        runs = self.runs()
        return Movement(self.sizes, tuple(f for axis in perm for f in runs[axis]), permuted(self.target, tuple(perm)))

    def runs(self) -> list[tuple[int, ...]]:
        """The factors that make up each dimension of the target."""
        runs, at = [], 0
        for dim in self.target:
            start, size = at, 1
            while size != dim:
                size *= self.sizes[self.order[at]]
                at += 1
            runs.append(self.order[start:at])
        return runs

    def factor_after(self, before: int) -> int | None:
        """The factor of the source that has `before` elements in front of it; None where there is none."""
        starts = [1, *accumulate(self.sizes, mul)][: len(self.sizes)]
        return starts.index(before) if before in starts else None

    def without(self, factor: int, target: Shape) -> Movement:
        """The movement of a value that has one of `factor`."""
        sizes = tuple(n for f, n in enumerate(self.sizes) if f != factor)
        return Movement(sizes, tuple(f - (f > factor) for f in self.order if f != factor), target)

    def widened(self, factor: int, times: int) -> tuple[Movement, int]:
        """The movement of a value that has `factor` so many times, and the dimension along which results of this
        movement then follow each other; where that was in the middle of one, it is a dimension of its own."""
        runs = self.runs()
        axis = next(i for i, run in enumerate(runs) if factor in run)
        at = runs[axis].index(factor)
        before, rest = ([self.sizes[f] for f in run] for run in (runs[axis][:at], runs[axis][at:]))
        apart = (*([prod(before)] if before else []), prod(rest) * times)
        sizes = tuple(n * times if f == factor else n for f, n in enumerate(self.sizes))
        target = (*self.target[:axis], *apart, *self.target[axis + 1 :])
        return Movement(sizes, self.order, target), axis + bool(before)

    def _reshaped(self, target: Shape) -> Movement | None:
        """The movement with a reshape after it: factors are cut where the new dimensions end."""
        ends = {prod(target[: i + 1]) for i in range(len(target))}
        cut, before = [], 1
        for factor in self.order:
            whole = before * self.sizes[factor]
            inner = {e for e in ends if divides(before, e) and divides(e, whole)} | {before, whole}
            steps = sorted(inner, key=magnitude)
            cut.append([b // a if divides(a, b) else 0 for a, b in pairwise(steps)])
            before = whole
        pieces = dict(zip(self.order, cut, strict=True))
        sizes = tuple(p for factor in range(len(self.sizes)) for p in pieces[factor])
        starts = [sum(len(pieces[f]) for f in range(factor)) for factor in range(len(self.sizes))]
        order = tuple(starts[f] + i for f in self.order for i in range(len(pieces[f])))
        result = Movement(sizes, order, target)
        return result if 0 not in sizes and result._fits() else None

    def _fits(self) -> bool:
        """Whether every dimension of the target ends where a factor does."""
        products = [1]
        for factor in self.order:
            products.append(products[-1] * self.sizes[factor])
        return all(prod(self.target[: i + 1]) in products for i in range(len(self.target)))

    def simple(self) -> Movement:
        """The same with factors that stay side by side made one."""
        starts = [f for i, f in enumerate(self.order) if i == 0 or self.order[i - 1] != f - 1]
        bounds = [*sorted(starts), len(self.sizes)]
        sizes = tuple(prod(self.sizes[a:b]) for a, b in pairwise(bounds))
        return Movement(sizes, tuple(bounds.index(f) for f in starts), self.target)

    def whole(self, shape: Shape) -> Movement | None:
        """The same as one transpose of a value of `shape`, dimensions of 1 among them; None where that is not all."""
        if self.sizes != tuple(d for d in shape if d != 1) or len(shape) != len(self.target):
            return None
        runs = self.runs()
        if any(len(run) > 1 for run in runs):
            return None
        wide = [axis for axis, d in enumerate(shape) if d != 1]
        ones = iter([axis for axis, d in enumerate(shape) if d == 1])
        return Movement(shape, tuple(wide[run[0]] if run else next(ones) for run in runs), self.target)

    def with_ones(self) -> Movement | None:
        """The same with the target's dimensions of 1 among the factors, so that no reshape has to add them at the end;
        None where a dimension is made of factors that stood apart."""
        runs = self.runs()
        if any(b != a + 1 for run in runs for a, b in pairwise(run)):
            return None
        wide = sorted(run for run in runs if run)
        count = len(runs) - len(wide)
        ones = iter(range(count))
        sizes = (*(1,) * count, *(prod(self.sizes[f] for f in run) for run in wide))
        order = tuple(count + wide.index(run) if run else next(ones) for run in runs)
        return Movement(sizes, order, self.target)

    def least(self, shape: Shape) -> Movement | None:
        """The same in the fewest operations on a value of `shape`; None where no kernel has so many dimensions."""
        others = [other for other in (self.whole(shape), self.with_ones()) if other is not None]
        fitting = [each for each in (self.simple(), *others) if len(each.sizes) <= MAX_RANK]
        return min(fitting, key=lambda each: each.cost(shape), default=None)

    @property
    def moves(self) -> bool:
        """Whether more than the shape changes."""
        return self.order != identity(len(self.order))

    def cost(self, shape: Shape) -> tuple[int, int]:
        """How many transposes, and operations, it takes for a value of `shape`."""
        if not self.moves:
            return 0, int(shape != self.target)
        return 1, 1 + (shape != self.sizes) + (permuted(self.sizes, self.order) != self.target)

    def emit(self, b: Builder, x: Value) -> Value:
        """x moved, by a reshape, a transpose and a reshape at most."""
        if self.moves:
            x = transpose(b, reshape(b, x, self.sizes), self.order)
        return reshape(b, x, self.target)


def is_move(op: Op | None) -> bool:
    return op is not None and isinstance(op.operator, ops.Reshape | ops.Transpose)


def keeps_last(op: Op) -> bool:
    """Whether a movement leaves the last dimension alone."""
    if isinstance(op.operator, ops.Transpose):
        return op.operand(1).is_const and bool(op.operand(1).array[-1] == op.input.rank - 1)
    return op.input.rank > 0 and op.input.shape[-1:] == op.output.shape[-1:]


def above(graph: Graph, value: Value) -> list[Op]:
    """The movements that make `value`, in order; of the values between them none has another user."""
    chain: list[Op] = []
    while (op := value.producer) is not None and is_move(op) and not op.input.is_const:
        if chain and graph.sole_user(value) is None:
            break
        chain.append(op)
        value = op.input
    return chain[::-1]


def below(graph: Graph, value: Value) -> list[Op]:
    """The movements that `value` goes through, in order, as long as each result has no other user."""
    chain: list[Op] = []
    while (op := graph.sole_user(value)) is not None and is_move(op) and op.input is value:
        chain.append(op)
        value = op.output
    return chain
