"""Reading by index against PyTorch."""

from __future__ import annotations

import torch

from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.harness import Case, cases, check

aten = torch.ops.aten

X = normal(4, 5, 6)


def at(*shape, size):
    """Indices from the front and from the end."""
    return ints(*shape, low=-size, high=size)


def place(*shape, size):
    """Indices from the front only."""
    return ints(*shape, low=0, high=size)


CONSTANT = torch.tensor([2, 0, -1])

INDEXED = [
    Case("one", lambda x, i: x[:, i], [X, at(3, size=5)], ops=["FLOOR_MOD", "GATHER"]),
    Case("one-2d", lambda x, i: x[i], [X, at(3, 2, size=4)]),
    Case("one-0d", lambda x, i: aten.index(x, [None, i]), [X, at(1, size=5).reshape(())]),
    Case("one-int32", lambda x, i: x[i], [X, at(3, size=4).int()]),
    Case("one-empty", lambda x, i: x[:, i], [X, at(0, size=5)]),
    Case("one-constant", lambda x: x[:, CONSTANT], [X], ops=["GATHER"]),
    Case("one-constant-run", lambda x: x[:, [1, 2, 3]], [X], ops=["SLICE"]),
    Case("one-list", lambda x: x[..., [0, 3]], [X], ops=["GATHER"]),
    Case("one-position", lambda x: x[x[:, 0, 0].argsort()], [X], tolerance=0),
    Case("of-int64", lambda x, i: x[i], [ints(4, 3), at(3, size=4)]),
    Case("of-bool", lambda x, i: x[:, i], [bools(4, 3), at(2, size=3)]),
    Case("two", lambda x, i, j: x[i, j], [X, at(3, size=4), at(3, size=5)]),
    Case("two-last", lambda x, i, j: x[:, i, j], [X, at(3, size=5), at(3, size=6)]),
    Case("two-broadcast", lambda x, i, j: x[i, j], [X, at(3, 1, size=4), at(2, size=5)]),
    Case("two-broadcast-back", lambda x, i, j: x[i, j], [X, at(2, size=4), at(3, 1, size=5)]),
    Case("two-apart", lambda x, i, j: x[i, :, j], [X, at(3, size=4), at(3, size=6)]),
    Case("two-apart-grid", lambda x, i, j: x[i[:, None], :, j], [X, at(3, size=4), at(2, size=6)]),
    Case("three", lambda x, i, j, k: x[i, j, k], [X, at(3, size=4), at(3, size=5), at(3, size=6)]),
    Case("rows-and-computed", lambda x, i: x[torch.arange(4), i], [X, at(4, size=5)]),
    Case("rows-and-argmax", lambda x: x[torch.arange(4), x[:, :, 0].argmax(1)], [X]),
    Case("constants", lambda x: x[CONSTANT, torch.tensor([0, -1, 3])], [X], ops=["RESHAPE", "GATHER"]),
    Case("constant-grid", lambda x: x[:, CONSTANT[:, None], CONSTANT], [X], ops=["GATHER", "GATHER"]),
    Case("types-mixed", lambda x, i, j: x[i, j], [X, at(3, size=4), at(3, size=5).int()]),
]

GATHERED = [
    Case("index-select", lambda x, i: x.index_select(1, i), [X, place(3, size=5)]),
    Case("index-select-constant", lambda x: x.index_select(-1, torch.tensor([5, 0])), [X], ops=["GATHER"]),
    Case("index-select-0d", lambda x, i: x.index_select(0, i) + 1, [torch.tensor(2.5), place(1, size=1)]),
    Case("index-select-0d-index", lambda x, i: x.index_select(1, i), [X, place(1, size=5).reshape(())]),
    Case("gather-last", lambda x, i: x.gather(2, i), [X, place(4, 5, 3, size=6)], ops=["GATHER"]),
    Case("gather-middle", lambda x, i: x.gather(1, i), [X, place(4, 7, 6, size=5)]),
    Case("gather-first", lambda x, i: x.gather(0, i), [X, place(2, 5, 6, size=4)]),
    Case("gather-smaller", lambda x, i: x.gather(-2, i), [X, place(2, 3, 4, size=5)]),
    Case("gather-constant", lambda x: x.gather(1, torch.tensor([[[1, 2]], [[0, 4]]])), [X]),
    Case("gather-1d", lambda x, i: x.gather(0, i), [normal(5), place(3, size=5)], ops=["GATHER"]),
    Case("gather-0d", lambda x, i: x.gather(0, i), [torch.tensor(2.5), place(1, size=1).reshape(())]),
    Case("gather-int64", lambda x, i: x.gather(1, i), [ints(3, 4), place(3, 2, size=4)]),
    Case("gather-bool", lambda x, i: x.gather(0, i), [bools(3, 4), place(2, 4, size=3)]),
    Case("gather-empty", lambda x, i: x.gather(1, i), [X, place(4, 0, 6, size=5)]),
    Case("gather-5d", lambda x, i: x.gather(2, i), [normal(2, 1, 3, 2, 2), place(2, 1, 2, 2, 2, size=3)]),
    Case("gather-topk", lambda x: x.gather(1, x.topk(2, 1).indices), [X]),
    Case("take", lambda x, i: x.take(i), [X, at(2, 3, size=120)]),
    Case("take-constant", lambda x: x.take(torch.tensor([0, -1, 50])), [X]),
    Case("take-along-dim", lambda x, i: x.take_along_dim(i, 1), [X, place(4, 2, 6, size=5)]),
    Case("take-along-dim-broadcast", lambda x, i: x.take_along_dim(i, -1), [X, place(1, 5, 2, size=6)]),
    Case("take-along-dim-broadcast-x", lambda x, i: x.take_along_dim(i, 0), [normal(4, 1), place(2, 3, size=4)]),
    Case("take-along-dim-flat", lambda x, i: x.take_along_dim(i), [X, place(2, 3, size=120)]),
    Case("take-along-dim-constant", lambda x: x.take_along_dim(torch.tensor([[[3, 1]]]), 2), [X]),
]


@cases(INDEXED + GATHERED)
def test_index(case):
    check(case)
