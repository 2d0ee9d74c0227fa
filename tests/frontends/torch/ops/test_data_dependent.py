"""Results of as many elements as the data says: more, fewer and none of them, drawn anew for the same file."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.harness import Case, cases, check

X = normal(4, 5, 6)
ROWS = torch.tensor([True, False, True, True])
COLUMNS = torch.tensor([False, True, True, False, False])
GRID = bools(4, 5)
FULL = bools(4, 5, 6)
NO_ROWS, NO_COLUMNS, NO_GRID = (torch.zeros_like(m) for m in (ROWS, COLUMNS, GRID))
NEGATIVE = -X.abs()
WEIGHT = normal(3, 6)


def chosen_twice(x, m):
    return x[m] * 2 + x[m].exp()


def settled_and_open(x, m):
    return torch.cat([x[:, m], x[:, torch.tensor([True, False, True, True, False])]], 1)


def largest_of_each(x):
    places = torch.nonzero(x[:, 0, 0] > 0)[:, 0]
    return x[places].amax((1, 2)), places


MASKS: list[Any] = [
    Case(
        "leading", lambda x, m: x[m], [X, ROWS], ops=["WHERE", "RESHAPE", "GATHER"], also=[[X, NO_ROWS], [X, ~NO_ROWS]]
    ),
    Case("middle", lambda x, m: x[:, m], [X, COLUMNS], also=[[X, NO_COLUMNS], [X, ~NO_COLUMNS]]),
    Case("last", lambda x, m: x[..., m].relu(), [normal(2, 3, 5), COLUMNS], also=[[normal(2, 3, 5), NO_COLUMNS]]),
    Case("two-dimensions", lambda x, m: x[m], [X, GRID], also=[[X, NO_GRID]]),
    Case("whole", lambda x: x[x > 0.3], [X], also=[[NEGATIVE]]),
    Case("integers", lambda x: x[x > 3], [ints(4, 5)], also=[[ints(4, 5, low=-9, high=0)]]),
    Case("bools", lambda x, m: x[m], [bools(4, 5), ROWS], also=[[GRID, NO_ROWS]]),
    Case("beside-a-number", lambda x, m: x[m, 2], [X, ROWS], also=[[X, NO_ROWS]]),
    Case("beside-an-index", lambda x, m: x[m, torch.tensor([2])], [X, ROWS], also=[[X, NO_ROWS]]),
    Case(
        "around-a-slice",
        lambda x, m, i: x[m, :, i],
        [X, ROWS, torch.tensor([2])],
        also=[[X, NO_ROWS, torch.tensor([1])]],
    ),
    Case("twice", chosen_twice, [X, ROWS], also=[[X, NO_ROWS]]),
    Case("sum", lambda x: x[x > 0].sum(), [X], also=[[NEGATIVE]]),
    Case("sum-of-rows", lambda x, m: x[m].sum(0), [X, ROWS], also=[[X, NO_ROWS]]),
    Case("mean", lambda x, m: x[m].mean(0), [X, ROWS], also=[[X, NO_ROWS]]),
    Case("count", lambda x, m: x * x[m].shape[0], [X, ROWS], also=[[X, NO_ROWS]]),
    Case("linear", lambda x, m: F.linear(x[m], WEIGHT), [X, ROWS], also=[[X, NO_ROWS]]),
    Case("joined", lambda x, m: torch.cat([x[m], x]), [X, ROWS], also=[[X, NO_ROWS]]),
    Case("settled-and-open", settled_and_open, [X, COLUMNS], also=[[X, NO_COLUMNS]]),
    Case("masked_select", lambda x, m: x.masked_select(m[..., None]), [X, GRID], also=[[X, NO_GRID]]),
    Case("masked_select-whole", lambda x, m: torch.masked_select(x, m) + 1, [X, FULL], also=[[X, FULL & False]]),
]


@cases(MASKS)
def test_masks(case: Case) -> None:
    check(case)


PLACES: list[Any] = [
    Case("nonzero", torch.nonzero, [GRID], ops=["WHERE", "RESHAPE"], also=[[NO_GRID], [~NO_GRID]]),
    Case(
        "nonzero-floats",
        torch.nonzero,
        [normal(4, 5).round()],
        also=[[torch.zeros(4, 5)], [torch.full((4, 5), torch.nan)]],
    ),
    Case("nonzero-integers", torch.nonzero, [ints(9, low=-1, high=2)], also=[[ints(9, low=0, high=1)]]),
    Case("nonzero-small-integers", torch.nonzero, [ints(9, low=-1, high=2, dtype=torch.int16)], draws=3),
    Case("argwhere", lambda m: torch.argwhere(m) * 2, [FULL], also=[[FULL & False]]),
    Case("where", lambda m: torch.where(m), [FULL], also=[[FULL & False]]),
    Case("where-as-index", lambda x, m: x[torch.where(m)], [X, GRID], also=[[X, NO_GRID]]),
    Case("as_tuple", lambda m: m.nonzero(as_tuple=True), [GRID], also=[[NO_GRID]]),
    Case("index", largest_of_each, [X], also=[[NEGATIVE]]),
    Case("no-dimensions", lambda x: x[0, 0, 0].nonzero(), [X], error="without dimensions"),
]


COUNTED = ints(20, low=0, high=9)
COUNTS: list[Any] = [
    Case("bincount", torch.bincount, [COUNTED], also=[[COUNTED * 0], [COUNTED * 7]]),
    Case("bincount-at-least", lambda x: x.bincount(minlength=12), [COUNTED], also=[[COUNTED * 7]]),
    Case("bincount-weights", lambda x, w: torch.bincount(x, w) + 1, [COUNTED.int(), normal(20)]),
    Case("bincount-share", lambda x: x.bincount(minlength=4) / x.bincount().shape[0], [COUNTED], also=[[COUNTED * 0]]),
]


@cases(COUNTS)
def test_counts(case: Case) -> None:
    check(case)


REPEATS = torch.tensor([1, 2, 0, 3])
REPEATED: list[Any] = [
    Case("places", torch.repeat_interleave, [REPEATS], also=[[REPEATS * 0], [REPEATS[[3, 3, 1, 0]]]]),
    Case("rows", lambda x, n: x.repeat_interleave(n, 0), [X, REPEATS], draws=0, also=[[X, REPEATS * 0], [X, REPEATS[[3, 3, 1, 0]]]]),
    Case("columns", lambda x, n: x.repeat_interleave(n, 2), [normal(2, 3, 4), REPEATS], draws=0, also=[[normal(2, 3, 4), REPEATS + 1]]),
    Case("all alike", lambda x, n: x.repeat_interleave(n), [GRID, REPEATS[1:2]], draws=0, also=[[GRID, REPEATS[3:]]]),
    Case("as many", lambda x, n: x.repeat_interleave(n, 0, output_size=6), [X, REPEATS], draws=0, also=[[X, REPEATS.flip(0)]]),
    Case("joined", lambda x, n: torch.cat([x.repeat_interleave(n.clamp(min=1), 0) * 2, x]), [X, REPEATS], draws=0, also=[[X, REPEATS * 2]]),
]  # fmt: skip


@cases(REPEATED)
def test_computed_repeats(case: Case) -> None:
    check(case)


FEW = ints(3, 4, low=0, high=4)
ALIKE, APART = torch.full((3, 4), 2), torch.arange(12).reshape(3, 4)
DISTINCT: list[Any] = [
    Case("unique", torch.unique, [FEW], also=[[ALIKE], [APART]]),
    Case("unique-whole", lambda x: torch.unique(x, return_inverse=True, return_counts=True), [FEW], also=[[ALIKE], [APART]]),
    Case("unique-floats", lambda x: torch.unique(x.float() / 3), [FEW], also=[[ALIKE]]),
    Case("unique-of-one", lambda x: torch.unique(x, return_counts=True), [FEW[:1]]),
    Case("consecutive", torch.unique_consecutive, [FEW], also=[[ALIKE], [APART]]),
    Case("consecutive-whole", lambda x: torch.unique_consecutive(x, True, True), [FEW], also=[[ALIKE], [APART]]),
    Case("consecutive-rows", lambda x: torch.unique_consecutive(x, dim=0), [FEW], error="of a vector, or of all elements"),
]  # fmt: skip


@cases(DISTINCT)
def test_distinct_values(case: Case) -> None:
    check(case)


@cases(PLACES)
def test_places(case: Case) -> None:
    check(case)


def number(value):
    return torch.tensor(value)


def two_slices(x, i):
    n = i.item()
    return x[:n].sum(0), x[n:].sum(0), x[:, : n + 1]


def running_mean(x, i):
    return x[: i.item()].sum(0) / i.item()


def mean_of_chosen(x, m):
    return x[m].sum(0) / max(x[m].shape[0], 1)


def bounds(*pairs):
    """The example, and further inputs, to a slice from one number to another."""
    given = [[X, number(start), number(end)] for start, end in pairs]
    return {"inputs": given[0], "also": given[1:], "draws": 0}


ALL = bounds((1, 3), (0, 4), (2, 2), (3, 1), (-3, -1), (-9, 9), (0, -1), (-1, 0), (7, 9))
ENDS = {"inputs": [X, number(2)], "also": [[X, number(n)] for n in (0, 1, 4, 9, -1, -4, -7)], "draws": 0}
NUMBERS: list[Any] = [
    Case("slice", lambda x, y, z: x[y:z], **ALL),
    Case("slice-items", lambda x, y, z: x[:, y.item() : z.item()] * 2, **ALL),
    Case("slice-steps", lambda x, y, z: x[:, y:z:2], **ALL),
    Case("slice-from", lambda x, y: x[..., y:].relu(), **ENDS),
    Case("slice-to", lambda x, y: x[:y].sum(0), **ENDS),
    Case("slice-to-the-last", lambda x: x[: x[:, 0, 0].argmax()], [X], draws=3),
    Case("slices", two_slices, [X, number(2)], also=[[X, number(n)] for n in (0, 1, 3)], draws=0),
    Case("factor", lambda x, y: x * y.item() + y.item() // 2, **ENDS),
    Case("float", lambda x, y: x * y.item() + y.item() / 2, [X, number(2.5)], also=[[X, number(-0.3)]]),
    Case("running-mean", running_mean, [X, number(2)], also=[[X, number(1)], [X, number(4)]], draws=0),
    Case("mean-of-chosen", mean_of_chosen, [X, ROWS], also=[[X, NO_ROWS]]),
    Case("zeros", lambda y: torch.zeros(y.item(), 3) + 1, [number(4)], also=[[number(1)], [number(0)]], draws=0),
    Case("arange", lambda y: torch.arange(y.item()) * 2, [number(4)], also=[[number(1)], [number(0)]], draws=0),
    Case("select", lambda x, y: x[y.item()], [X, number(2)], also=[[X, number(0)], [X, number(-1)]], draws=0),
    Case("truth", lambda x, y: x * y.item(), [X, number(True)], error="aten.item"),
]


@cases(NUMBERS)
def test_numbers(case: Case) -> None:
    check(case)


def of_chosen(layer):
    """`layer` of those maps or rows whose mark is above 0."""
    return lambda x, marks: layer(x[torch.where(marks > 0)[0]])


def two_layers():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))


MAPS, MARKS = normal(4, 3, 8, 8), torch.tensor([1.0, -1.0, 2.0, 3.0])
NO_MAPS = [[MAPS, -MARKS.abs()]]

# Kernels that fail, or give nonsense, on a batch of none.
BATCHES: list[Any] = [
    Case("conv", of_chosen(nn.Conv2d(3, 4, 3)), [MAPS, MARKS], also=NO_MAPS),
    Case("conv-after-conv", of_chosen(two_layers()), [MAPS, MARKS], also=NO_MAPS),
    Case("depthwise", of_chosen(nn.Conv2d(3, 3, 3, groups=3)), [MAPS, MARKS], also=NO_MAPS),
    Case("transposed", of_chosen(nn.ConvTranspose2d(3, 4, 3)), [MAPS, MARKS], also=NO_MAPS),
    Case("max_pool", of_chosen(nn.MaxPool2d(2)), [MAPS, MARKS], also=NO_MAPS),
    Case("avg_pool", of_chosen(nn.AvgPool2d(2)), [MAPS, MARKS], also=NO_MAPS),
    Case("matmul", of_chosen(lambda x: x[:, 0] @ x[:, 1]), [MAPS, MARKS], also=NO_MAPS),
    Case("broadcast-matmul", of_chosen(lambda x: x[:, :1] @ x), [MAPS, MARKS], also=NO_MAPS),
    Case("rows-matmul", of_chosen(lambda x: x[:, 0, 0] @ torch.ones(8, 5).cumsum(0)), [MAPS, MARKS], also=NO_MAPS),
    Case("columns-matmul", of_chosen(lambda x: torch.ones(5, 8) @ x[:, 0, 0].t()), [MAPS, MARKS], also=NO_MAPS),
    Case("inner-matmul", of_chosen(lambda x: x[:, 0, 0].t() @ x[:, 1, 1]), [MAPS, MARKS], also=NO_MAPS),
    Case("heads", of_chosen(lambda x: x.permute(1, 2, 0, 3) @ x.permute(1, 2, 3, 0)), [MAPS, MARKS], also=NO_MAPS),
    Case("constant-matmul", of_chosen(lambda x: torch.ones(5, 8) @ x[:, 0]), [MAPS, MARKS], also=NO_MAPS),
]


@cases(BATCHES)
def test_batches_that_may_be_empty(case: Case) -> None:
    check(case)


def test_layers_side_by_side_are_padded_together() -> None:
    graph = check(Case("", of_chosen(two_layers()), [MAPS, MARKS]))
    assert graph is not None
    assert [op.name for op in graph.ops].count("PAD") == 1


def marked(write):
    """`write` at the places of the rows whose mark is above 0, of x and of the part of x whose mark is above -2."""

    def both(x, marks):
        (own,) = torch.where(marks > -2)
        part = x[own]
        return write(x, torch.where(marks > 0)[0]), write(part, torch.where(marks[own] > 0)[0])

    return both


NO_ROW = [[X, -MARKS.abs()], [X, -3 * MARKS.abs()]]
WRITES: list[Any] = [
    Case("put", marked(lambda x, at: x.index_put((at,), x[at] * 2)), [X, MARKS], also=NO_ROW),
    Case("put-a-number", marked(lambda x, at: x.index_put((at,), torch.tensor(2.0))), [X, MARKS], also=NO_ROW),
    Case("accumulate", marked(lambda x, at: x.index_put((at,), x[at], accumulate=True)), [X, MARKS], also=NO_ROW),
    Case("add", marked(lambda x, at: x.index_add(0, at, x[at])), [X, MARKS], also=NO_ROW),
    Case("fill", marked(lambda x, at: x.index_fill(0, at, 2.0)), [X, MARKS], also=NO_ROW),
]


@cases(WRITES)
def test_writing_to_counted_places(case: Case) -> None:
    check(case)
