"""Einstein's summation by BATCH_MATMUL, two operands at a time from the left.

A dimension of the first operand or the second is, for one contraction: a batch dimension (in
both, and needed later), a summed one (in both, needed nowhere else), or free. What only one
operand has and nobody needs is summed beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering import basic, matmul
from liteport.lowering.diagonal import diagonal

# Labels for the dimensions of an ellipsis, counted from its end; letters are the user's.
_ELLIPSIS = "9876543210"


@dataclass(frozen=True)
class Labelled:
    """A value with one label for each dimension."""

    value: Value
    labels: str

    def size(self, label: str) -> int:
        return self.value.shape[self.labels.index(label)]


def einsum(b: Builder, equation: str, operands: Sequence[Value]) -> Value:
    """torch.einsum (numpy.einsum): letters, one ellipsis for each operand, an arrow or none."""
    terms, output = parse(equation, [v.rank for v in operands])
    left, *rest = (_take_diagonals(b, Labelled(v, t)) for v, t in zip(operands, terms, strict=True))
    while rest:
        right, *rest = rest
        needed = output + "".join(t.labels for t in rest)
        left = _contract(b, left, right, needed)
    left = _sum_unneeded(b, left, output)
    return basic.transpose(b, left.value, [left.labels.index(c) for c in output])


def parse(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The labels of each operand and of the result, ellipses spelled out in digits."""
    equation = equation.replace(" ", "")
    inputs, arrow, output = equation.partition("->")
    terms = [_spell(t, rank - len(t.replace("...", ""))) for t, rank in zip(inputs.split(","), ranks, strict=True)]
    hidden = "".join(sorted({c for t in terms for c in t if c in _ELLIPSIS}, reverse=True))
    if arrow:
        return terms, output.replace("...", hidden)
    joined = "".join(terms)
    return terms, hidden + "".join(sorted(c for c in set(joined) - set(hidden) if joined.count(c) == 1))


def _spell(term: str, extra: int) -> str:
    return term.replace("...", _ELLIPSIS[len(_ELLIPSIS) - extra :])


def _take_diagonals(b: Builder, one: Labelled) -> Labelled:
    """The operand with each label once: where two dimensions share one, their diagonal."""
    for label in one.labels:
        places = [i for i, c in enumerate(one.labels) if c == label]
        if len(places) > 1:
            others = [i for i in range(len(one.labels)) if i not in places[:2]]
            moved = basic.transpose(b, one.value, [*others, *places[:2]])
            one = Labelled(diagonal(b, moved), "".join(one.labels[i] for i in others) + label)
            return _take_diagonals(b, one)
    return one


def _contract(b: Builder, left: Labelled, right: Labelled, needed: str) -> Labelled:
    """The product of two operands, summed over what nobody needs."""
    left, right = _drop_ones(b, left, right), _drop_ones(b, right, left)
    left = _sum_unneeded(b, left, needed + right.labels)
    right = _sum_unneeded(b, right, needed + left.labels)
    if _first(needed, right, left) < _first(needed, left, right):
        left, right = right, left
    both = [c for c in left.labels if c in right.labels]
    batch, summed = [c for c in both if c in needed], [c for c in both if c not in needed]
    rows = [c for c in left.labels if c not in both]
    columns = [c for c in right.labels if c not in both]
    if not summed:
        return _multiply(b, left, right, batch + rows + columns)
    return _matmul(b, left, right, batch, rows, columns, summed)


def _first(needed: str, one: Labelled, other: Labelled) -> int:
    """Where the first dimension that is only in `one` stands in the result."""
    return min((needed.index(c) for c in one.labels if c not in other.labels and c in needed), default=len(needed))


def _drop_ones(b: Builder, one: Labelled, other: Labelled) -> Labelled:
    """`one` without dimensions of 1 that the other operand has at full length: they broadcast."""
    kept = "".join(c for c in one.labels if c not in other.labels or one.size(c) != 1 or other.size(c) == 1)
    return Labelled(basic.reshape(b, one.value, [one.size(c) for c in kept]), kept)


def _sum_unneeded(b: Builder, one: Labelled, needed: str) -> Labelled:
    gone = [i for i, c in enumerate(one.labels) if c not in needed]
    return Labelled(basic.reduce(b, ops.Sum, one.value, gone), "".join(c for c in one.labels if c in needed))


def _multiply(b: Builder, left: Labelled, right: Labelled, labels: Sequence[str]) -> Labelled:
    """The product without sums, by broadcasting."""
    sides = []
    for side in (left, right):
        own = [c for c in labels if c in side.labels]
        moved = basic.transpose(b, side.value, [side.labels.index(c) for c in own])
        sides.append(basic.reshape(b, moved, [side.size(c) if c in own else 1 for c in labels]))
    return Labelled(b.emit(ops.Mul(), *sides), "".join(labels))


def _matmul(
    b: Builder,
    left: Labelled,
    right: Labelled,
    batch: Sequence[str],
    rows: Sequence[str],
    columns: Sequence[str],
    summed: Sequence[str],
) -> Labelled:
    """The product as [batch, rows, summed] @ [batch, summed, columns], each group of dimensions merged into one."""
    shape = [left.size(c) for c in (*batch, *rows)] + [right.size(c) for c in columns]
    straight = [*batch, *summed, *columns] == list(right.labels)
    if right.value.is_const and not batch:
        x = _grouped(b, left, [*rows, summed])
        product = matmul.matmul(b, x, _grouped(b, right, [summed, columns]))
    elif straight or not left.value.dtype.is_float:
        x = _grouped(b, left, [batch, rows, summed])
        product = matmul.matmul(b, x, _grouped(b, right, [batch, summed, columns]))
    else:
        x = _grouped(b, left, [batch, rows, summed])
        product = matmul.batch_matmul(b, x, _grouped(b, right, [batch, columns, summed]), adj_y=True)
    return Labelled(basic.reshape(b, product, shape), "".join((*batch, *rows, *columns)))


def _grouped(b: Builder, side: Labelled, groups: Sequence[Sequence[str]]) -> Value:
    """The value with its dimensions in the order of `groups`, each group one dimension (no batch dimensions: none)."""
    groups = groups if groups[0] or len(groups) < 3 else groups[1:]
    order = [side.labels.index(c) for group in groups for c in group]
    shape = [prod(side.size(c) for c in group) for group in groups]
    if side.value.data is not None:
        return b.const(side.value.data.transpose(order).reshape(shape), name=side.value.name)
    return basic.reshape(b, basic.transpose(b, side.value, order), shape)
