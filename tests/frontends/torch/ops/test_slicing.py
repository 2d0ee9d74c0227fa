"""Slices along one dimension, read and written, against PyTorch."""

from __future__ import annotations

import torch

from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.harness import Case, cases, check

X = normal(4, 5, 6)


def written(write):
    """A function that writes into a copy of its input by `write(copy, *others)`."""

    def run(x, *others):
        y = x.clone()
        write(y, *others)
        return y

    return run


READ = [
    Case("slice", lambda x: x[:, 1:3], [X], ops=["SLICE"]),
    Case("slice-negative", lambda x: x[:, -3:-1], [X]),
    Case("slice-oversized", lambda x: x[:, -9:99] + 1, [X], ops=["ADD"]),
    Case("slice-empty", lambda x: x[:, 3:2], [X]),
    Case("slice-step", lambda x: x[..., ::2], [X], ops=["GATHER"]),
    Case("slice-step-offset", lambda x: x[:, 1::3], [X]),
    Case("slice-step-end", lambda x: x[:, -4:-1:2], [X]),
    Case("slice-long-step", lambda x: x[2:, ::9], [X]),
    Case("slice-all", lambda x: x[1:, :-1, 2::2], [X]),
    Case("slice-int64", lambda x: x[1:, ::2], [ints(3, 4)]),
    Case("slice-bool", lambda x: x[1:, ::2], [bools(3, 4)]),
    Case("slice-7d", lambda x: x[:, :, :, :, :, ::2, 1:], [normal(2, 1, 2, 1, 2, 3, 2)]),
    Case("slice-defaults", lambda x: torch.ops.aten.slice.Tensor(x) + 1, [X], ops=["ADD"]),
    Case("select", lambda x: x[:, 1], [X], ops=["SLICE", "RESHAPE"]),
    Case("select-negative", lambda x: x[-1, ..., -2], [X]),
    Case("select-to-0d", lambda x: x[2], [normal(4)]),
    Case("select-bool", lambda x: x[1], [bools(3, 4)]),
    Case("narrow", lambda x: x.narrow(1, 1, 2), [X]),
    Case("narrow-negative", lambda x: x.narrow(-1, -3, 2), [X]),
    Case("narrow-tensor", lambda x: torch.narrow(x, 1, torch.tensor(1), 2), [X]),
    Case("narrow-copy", lambda x: torch.narrow_copy(x, 1, 1, 2), [X]),
]

WRITTEN = [
    Case(
        "slice-scatter",
        lambda x, y: x.slice_scatter(y, 1, 1, 3),
        [X, normal(4, 2, 6)],
        ops=["SLICE", "SLICE", "CONCATENATION"],
    ),
    Case(
        "slice-scatter-head",
        lambda x, y: x.slice_scatter(y, 1, None, 2),
        [X, normal(4, 2, 6)],
        ops=["SLICE", "CONCATENATION"],
    ),
    Case(
        "slice-scatter-tail",
        lambda x, y: x.slice_scatter(y, 1, -2),
        [X, normal(4, 2, 6)],
        ops=["SLICE", "CONCATENATION"],
    ),
    Case("slice-scatter-whole", lambda x, y: x.slice_scatter(y) + x, [X, X * 2], ops=["ADD"]),
    Case("slice-scatter-empty", lambda x, y: x.slice_scatter(y, 1, 2, 2) + 1, [X, normal(4, 0, 6)], ops=["ADD"]),
    Case("slice-scatter-step", lambda x, y: x.slice_scatter(y, 2, 0, 6, 2), [X, normal(4, 5, 3)]),
    Case("slice-scatter-int64", lambda x, y: x.slice_scatter(y, 1, 1, 3), [ints(2, 4), ints(2, 2)]),
    Case("slice-scatter-bool", lambda x, y: x.slice_scatter(y, 1, 0, 4, 2), [bools(2, 4), bools(2, 2)]),
    Case("select-scatter", lambda x, y: x.select_scatter(y, 1, 2), [X, normal(4, 6)]),
    Case("select-scatter-negative", lambda x, y: x.select_scatter(y, -1, -1), [X, normal(4, 5)]),
    Case("select-scatter-1d", lambda x, y: x.select_scatter(y, 0, 1), [normal(3), torch.tensor(2.5)]),
    Case("set-scalar", written(lambda y: y[:, 1].fill_(2.5)), [X]),
    Case("set-slice", written(lambda y, z: y[:, 1:3].copy_(z)), [X, normal(2, 6)]),
    Case("set-strided", written(lambda y: y[:, ::2].zero_()), [X]),
    Case("set-nested", written(lambda y, z: y[1, 2:].copy_(z)), [X, normal(6)]),
    Case("set-through-view", written(lambda y: y.transpose(1, 2)[0].add_(1)), [X]),
    Case("set-through-split", written(lambda y: y.split(2, 1)[1].mul_(2)), [X]),
    Case("set-diagonal", written(lambda y, z: y.diagonal(0, 1, 2).copy_(z)), [X, normal(4, 5)]),
    Case("set-converts", written(lambda y, z: y[:, 1:3].copy_(z)), [X, ints(2, 6)]),
]


@cases(READ + WRITTEN)
def test_slicing(case):
    check(case)
