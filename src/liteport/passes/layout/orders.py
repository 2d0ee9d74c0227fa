"""Orders: in which order the dimensions of a value are stored.

An order of a value of rank r is a permutation p of range(r): the array in memory is
value.transpose(p). The identity is the order in which the graph has the value at present.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import mul

from liteport.ir.sizes import divides, magnitude
from liteport.ir.types import Shape

Order = tuple[int, ...]


def identity(rank: int) -> Order:
    return tuple(range(rank))


def invert(order: Order) -> Order:
    """The order that undoes `order`."""
    return tuple(order.index(i) for i in range(len(order)))


def compose(first: Sequence[int], then: Sequence[int]) -> Order:
    """x.transpose(first).transpose(then) is x.transpose(compose(first, then))."""
    return tuple(first[i] for i in then)


def permuted(shape: Sequence[int], order: Order) -> Shape:
    return tuple(shape[i] for i in order)


def same_memory(shape: Shape, left: Order, right: Order) -> bool:
    """Whether two orders store `shape` alike: dimensions of size 1 may stand anywhere."""
    return _wide(shape, left) == _wide(shape, right)


def _wide(shape: Shape, order: Order) -> list[int]:
    return [i for i in order if shape[i] != 1]


def restrict(order: Order, kept: Sequence[int]) -> Order:
    """The order of the dimensions `kept` among themselves, numbered by their place in `kept`."""
    place = {axis: i for i, axis in enumerate(kept)}
    return tuple(place[axis] for axis in order if axis in place)


def insert(order: Order, kept: Sequence[int], rank: int) -> Order:
    """The inverse of `restrict`: the dimensions outside `kept` follow the one that they follow by nature."""
    out = [kept[i] for i in order]
    for axis in range(rank):
        if axis not in kept:
            out.insert(out.index(axis - 1) + 1 if axis else 0, axis)
    return tuple(out)


# Reshapes. Both shapes are cut into common atoms; a reshape carries an order through where the
# atoms come out in one sequence on either side.


def carries(source: Shape, source_order: Order, target: Shape, target_order: Order) -> bool:
    """Whether reshaping the source, stored in its order, gives the target (a reshape of it) stored in its own."""
    atoms = common_factors(source, target)
    if atoms is None:
        return False
    sizes, source_of, target_of = atoms
    left = [a for axis in source_order for a in source_of[axis] if sizes[a] != 1]
    right = [a for axis in target_order for a in target_of[axis] if sizes[a] != 1]
    return left == right


def carry(source: Shape, source_order: Order, target: Shape) -> Order | None:
    """An order of `target` to which a plain reshape of the stored source leads; None where there is none.

    Dimensions of size 1 stay beside the neighbour that they have in `target`.
    """
    atoms = common_factors(source, target)
    if atoms is None:
        return None
    sizes, source_of, target_of = atoms
    rank_of = {a: i for i, a in enumerate(a for axis in source_order for a in source_of[axis])}
    wide = [axis for axis in range(len(target)) if target[axis] != 1]
    ordered = sorted(wide, key=lambda axis: rank_of[next(a for a in target_of[axis] if sizes[a] != 1)])
    order = insert(tuple(wide.index(axis) for axis in ordered), wide, len(target))
    return order if carries(source, source_order, target, order) else None


def common_factors(source: Shape, target: Shape) -> tuple[list[int], list[list[int]], list[list[int]]] | None:
    """The common factors of both shapes, in order, and which of them make up each dimension on either side.

    None where a dimension of one shape straddles dimensions of the other without a common cut, or
    where there are no elements.
    """
    if 0 in source or 0 in target:
        return None
    ends = {1, *accumulate(_wide_sizes(source), mul), *accumulate(_wide_sizes(target), mul)}
    cuts = sorted(ends, key=magnitude)
    if not all(divides(a, b) for a, b in pairwise(cuts)):
        return None
    sizes = [b // a for a, b in pairwise(cuts)]
    return sizes, _spread(source, sizes), _spread(target, sizes)


def _wide_sizes(shape: Shape) -> list[int]:
    return [d for d in shape if d != 1]


def _spread(shape: Shape, sizes: list[int]) -> list[list[int]]:
    """Which atoms each dimension of `shape` takes, from the left."""
    out: list[list[int]] = []
    at = 0
    for dim in shape:
        taken, size = [], 1
        while size != dim:
            taken.append(at)
            size *= sizes[at]
            at += 1
        out.append(taken)
    return out
