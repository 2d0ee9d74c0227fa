"""Writing by index against PyTorch."""

from __future__ import annotations

from math import inf

import torch

from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.frontends.torch.ops.test_slicing import written
from tests.harness import Case, cases, check

X = normal(4, 5, 6)
SMALL = ints(4, 3, low=-3, high=4)


def place(*shape, size):
    return ints(*shape, low=0, high=size)


def distinct(count, size):
    """A fixed choice of different positions, as a constant."""
    return torch.tensor([(7 * i + 3) % size for i in range(count)])


PERMUTED = torch.stack([torch.randperm(5) for _ in range(24)]).reshape(4, 6, 5).transpose(1, 2)[:, :3].contiguous()


# Of 4 rows 2 begin with True; 8 places are, 3 of them in the second row.
LEFT = torch.tensor([[1, 0, 1, 0, 0], [0, 1, 1, 0, 1], [1, 0, 0, 0, 1], [0, 0, 0, 0, 1]]).bool()

REDUCTIONS = [
    Case(
        f"{kind}-{'with' if own else 'without'}-self-{typed}",
        lambda x, i, s, kind=kind, own=own: x.scatter_reduce(1, i, s, kind, include_self=own),
        [x, place(*x.shape, size=x.shape[1]), x + 1],
    )
    for kind in ("sum", "prod", "mean", "amax", "amin")
    for own in (True, False)
    for typed, x in (("float", X), ("int64", SMALL))
]

SCATTERED = [
    Case("scatter-constant", lambda x, s: x.scatter(1, PERMUTED, s), [X, normal(4, 3, 6)]),
    Case("scatter-computed", lambda x, r, s: x.scatter(1, r.argsort(1), s), [X, normal(4, 5, 6), normal(4, 5, 6)]),
    Case("scatter-smaller", lambda x, s: x.scatter(0, torch.tensor([[1, 0], [3, 3]]), s), [normal(4, 3), normal(3, 3)]),
    Case("scatter-int64", lambda x, r, s: x.scatter(-1, r.argsort(-1), s), [SMALL, normal(4, 3), SMALL * 2]),
    Case("scatter-bool", lambda x, r, s: x.scatter(-1, r.argsort(-1), s), [bools(4, 3), normal(4, 3), bools(4, 3)]),
    Case(
        "scatter-0d", lambda x, i, s: x.scatter(0, i, s), [normal(3), place(1, size=3).reshape(()), torch.tensor(2.5)]
    ),
    Case("scatter-none", lambda x, i, s: x.scatter(0, i, s) + 1, [normal(3), place(0, size=3), normal(3)]),
    Case(
        "scatter-infinite", lambda x, i, s: x.scatter(0, i, s), [normal(4), place(2, size=1), torch.tensor([inf, inf])]
    ),
    Case("scatter-value", lambda x, i: x.scatter(1, i, 2.5), [X, place(4, 2, 6, size=5)]),
    Case("scatter-value-constant", lambda x: x.scatter(1, PERMUTED, 2.5), [X]),
    Case("scatter-value-int64", lambda x, i: x.scatter(1, i, 9), [SMALL, place(4, 2, size=3)]),
    Case("scatter-one-hot", lambda i: torch.zeros(4, 7).scatter(1, i[:, None], 1.0), [place(4, size=7)]),
    Case(
        "scatter-one-hot-bool", lambda i: torch.zeros(4, 7, dtype=torch.bool).scatter(1, i, True), [place(4, 2, size=7)]
    ),
    Case("scatter-add", lambda x, i, s: x.scatter_add(1, i, s), [X, place(4, 8, 6, size=5), normal(4, 8, 6)]),
    Case("scatter-add-first", lambda x, i, s: x.scatter_add(0, i, s), [X, place(2, 5, 6, size=4), normal(2, 5, 6)]),
    Case("scatter-add-zeros", lambda i, s: torch.zeros(3, 4).scatter_add(1, i, s), [place(3, 9, size=4), normal(3, 9)]),
    Case("scatter-add-int64", lambda x, i, s: x.scatter_add(1, i, s), [SMALL, place(4, 3, size=3), SMALL * 2]),
    Case("scatter-add-uint8", lambda x, i: x.scatter_add(0, i, x), [SMALL.byte(), place(4, 3, size=4)]),
    Case("scatter-reduce-add", lambda x, i, s: x.scatter(1, i, s, reduce="add"), [X, place(4, 2, 6, size=5), X * 2]),
    Case("scatter-multiply", lambda x, i: x.scatter(1, i, 2.0, reduce="multiply"), [X, place(4, 2, 6, size=5)]),
    Case("amax-constant", lambda x, s: x.scatter_reduce(1, PERMUTED, s, "amax"), [X, normal(4, 3, 6)]),
    Case(
        "amax-over-infinite",
        lambda x, i: x.scatter_reduce(0, i, x, "amax"),
        [torch.tensor([-inf, -1, inf]), place(3, size=2)],
    ),
    Case(
        "mean-constant", lambda x, s: x.scatter_reduce(1, PERMUTED, s, "mean", include_self=False), [X, normal(4, 3, 6)]
    ),
]

ROWS = [
    Case("index-copy-constant", lambda x, s: x.index_copy(1, distinct(3, 5), s), [X, normal(4, 3, 6)]),
    Case(
        "index-copy-run",
        lambda x, s: x.index_copy(1, torch.tensor([2, 3]), s),
        [X, normal(4, 2, 6)],
        ops=["SLICE", "SLICE", "CONCATENATION"],
    ),
    Case("index-copy-computed", lambda x, r, s: x.index_copy(1, r.argsort(), s), [X, normal(5), normal(4, 5, 6)]),
    Case(
        "index-copy-one",
        lambda x, i, s: x.index_copy(0, i, s),
        [X, place(1, size=4), normal(1, 5, 6)],
        ops=["CAST", "MUL", "DYNAMIC_UPDATE_SLICE"],
    ),
    Case("index-add", lambda x, i, s: x.index_add(1, i, s), [X, place(7, size=5), normal(4, 7, 6)]),
    Case("index-add-alpha", lambda x, i, s: x.index_add(0, i, s, alpha=-2), [X, place(2, size=4), normal(2, 5, 6)]),
    Case("index-add-int64", lambda x, i, s: x.index_add(0, i, s, alpha=3), [SMALL, place(6, size=4), ints(6, 3)]),
    Case("index-fill", lambda x, i: x.index_fill(1, i, 2.5), [X, place(2, size=5)]),
    Case("index-fill-constant", lambda x: x.index_fill(1, torch.tensor([-1, 0]), 2.5), [X]),
    Case("index-fill-negative", lambda x, i: x.index_fill(2, i, 2.5), [X, ints(3, low=-6, high=6)]),
    Case("index-fill-tensor", lambda x, i, v: x.index_fill(1, i, v), [X, place(2, size=5), torch.tensor(2.5)]),
    Case("index-fill-bool", lambda x, i: x.index_fill(1, i, True), [bools(3, 4), place(2, size=4)]),
    *[
        Case(
            f"index-reduce-{kind}-{own}",
            lambda x, i, s, k=kind, o=own: x.index_reduce(1, i, s, k, include_self=o),
            [X, place(7, size=5), normal(4, 7, 6)],
        )
        for kind in ("prod", "mean", "amax", "amin")
        for own in (True, False)
    ],
    Case("put-constant", lambda x, s: x.put(torch.tensor([3, -1, 50]), s), [X, normal(3)]),
    Case("put-accumulate", lambda x, i, s: x.put(i, s, accumulate=True), [X, ints(9, low=-120, high=120), normal(9)]),
]

PUT = [
    Case("row", written(lambda y, i, s: y.index_put_((i,), s)), [X, place(1, size=4), normal(1, 5, 6)]),
    Case("rows-constant", written(lambda y, s: y.index_put_((torch.tensor([2, -4]),), s)), [X, normal(2, 5, 6)]),
    Case("rows-broadcast", written(lambda y, i, s: y.index_put_((i,), s)), [X, place(3, size=4), normal(6)]),
    Case("rows-scalar", written(lambda y, i: y.index_put_((i,), torch.tensor(2.5))), [X, ints(3, low=-4, high=4)]),
    Case("mask-other-type", written(lambda y, m: y.__setitem__(m, torch.tensor(2))), [X, bools(4)]),
    Case(
        "column-setitem",
        written(lambda y, i, s: y.__setitem__((slice(None), i), s)),
        [X, place(1, size=5), normal(4, 1, 6)],
    ),
    Case("column-scalar", written(lambda y, i: y.__setitem__((slice(None), i), 2.5)), [X, place(2, size=5)]),
    Case("pairs", written(lambda y, i, s: y.index_put_((torch.arange(4), i), s)), [X, place(4, size=5), normal(4, 6)]),
    Case(
        "pairs-apart",
        written(lambda y, i, s: y.__setitem__((torch.arange(4), slice(None), i), s)),
        [X, place(4, size=6), normal(4, 5)],
    ),
    Case(
        "grid",
        written(lambda y, s: y.index_put_((torch.tensor([[0], [3]]), torch.tensor([1, 4])), s)),
        [X, normal(2, 2, 6)],
    ),
    Case(
        "elements",
        written(lambda y, i: y.index_put_((torch.arange(4), i, i), torch.tensor(2.5))),
        [X, place(4, size=5)],
    ),
    Case(
        "accumulate",
        written(lambda y, i, s: y.index_put_((i,), s, accumulate=True)),
        [X, ints(9, low=-4, high=4), normal(9, 5, 6)],
    ),
    Case(
        "accumulate-scalar",
        written(lambda y, i: y.index_put_((i,), torch.tensor(1.0), accumulate=True)),
        [X, place(9, size=4)],
    ),
    Case(
        "accumulate-column",
        lambda x, i, s: torch.ops.aten.index_put(x, [None, i], s, True),
        [X, place(9, size=5), normal(4, 9, 6)],
    ),
    Case(
        "accumulate-int64",
        written(lambda y, i, s: y.index_put_((i,), s, accumulate=True)),
        [SMALL, place(5, size=4), ints(5, 3)],
    ),
    Case("mask-scalar", written(lambda y: y.__setitem__(y > 0, -1.0)), [X], ops=["GREATER", "SELECT_V2"]),
    Case("mask-rows", written(lambda y, m: y.__setitem__(m, 2.5)), [X, bools(4, 5)]),
    Case("mask-rows-vector", written(lambda y, m, s: y.__setitem__(m, s)), [X, bools(4, 5), normal(6)]),
    Case("mask-column", written(lambda y, m, s: y.__setitem__((slice(None), m), s)), [X, bools(5), normal(4, 1, 6)]),
    Case(
        "mask-accumulate", written(lambda y, m: y.index_put_((m,), torch.tensor(2.0), accumulate=True)), [X, bools(4)]
    ),
    Case("mask-int64", written(lambda y: y.__setitem__(y < 0, 0)), [SMALL]),
    Case("mask-in-turn", lambda x, m, s: x.index_put((m,), s), [X, LEFT[:, 0], normal(2, 5, 6)], draws=0),
    Case("mask-in-turn-added", lambda x, m, s: x.index_put((m,), s, True), [X, LEFT, normal(8, 6)], draws=0),
    Case(
        "mask-in-turn-column",
        lambda x, m, s: torch.ops.aten.index_put(x, [None, m], s),
        [X, LEFT[1], normal(4, 3, 6)],
        draws=0,
    ),
    Case("mask-of-its-own", written(lambda y: y.__setitem__(y > 0, y[y > 0].exp())), [X], also=[[X.abs()], [-X.abs()]]),
    Case(
        "mask-of-columns",
        written(lambda y: y.__setitem__((slice(None), y[0].sum(1) > 0), y[:, y[0].sum(1) > 0].exp())),
        [X],
        also=[[-X.abs()]],
    ),
    Case(
        "put-impl",
        lambda x, i, s: torch.ops.aten._index_put_impl(x, [i], s, True),
        [X, place(9, size=4), normal(9, 5, 6)],
    ),
    Case("masked-scatter", lambda x, m, s: x.masked_scatter(m, s), [X, bools(4, 5, 6), normal(4, 5, 6)]),
    Case("masked-scatter-broadcast", lambda x, m, s: x.masked_scatter(m, s), [X, bools(5, 1), normal(200)]),
    Case("masked-scatter-int64", lambda x, m, s: x.masked_scatter(m, s), [SMALL, bools(4, 3), ints(12)]),
]


@cases(REDUCTIONS + SCATTERED + ROWS + PUT)
def test_scatter(case):
    check(case)
