"""Joining, splitting, repeating, rolling and flipping against PyTorch."""

from __future__ import annotations

import pytest
import torch

from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.harness import Case, cases, check

X = normal(2, 3, 4)
SEVEN = normal(2, 1, 2, 1, 2, 3, 2)
BYTES = ints(2, 3, low=0, high=200, dtype=torch.uint8)

JOINED = [
    Case("cat", lambda x, y: torch.cat([x, y], 1), [X, normal(2, 1, 4)], ops=["CONCATENATION"]),
    Case("cat-last", lambda x, y: torch.cat([x, y], -1), [X, normal(2, 3, 2)]),
    Case("cat-itself", lambda x: torch.cat([x, x, x]), [X]),
    Case("cat-one", lambda x: torch.cat([x]) + 1, [X], ops=["ADD"]),
    Case("cat-seven", lambda x: torch.cat([x * i for i in range(1, 8)], 2), [X]),
    Case("cat-int64", lambda x, y: torch.cat([x, y]), [ints(2, 3), ints(1, 3)]),
    Case("cat-bool", lambda x, y: torch.cat([x, y], 1), [bools(2, 3), bools(2, 1)]),
    Case("cat-uint8", lambda x: torch.cat([x, x], 1), [BYTES]),
    Case("cat-promotes", lambda x, y, z: torch.cat([x, y, z]), [bools(2), ints(3), normal(1)]),
    Case("cat-relic", lambda x, y: torch.cat([x, y], 1) + 1, [normal(0), X], ops=["ADD"]),
    Case("cat-some-empty", lambda x, y: torch.cat([x, y], 1), [normal(2, 0, 4), X]),
    Case("cat-7d", lambda x: torch.cat([x, x], -2), [SEVEN]),
    Case("concat", lambda x, y: torch.concat([x, y], 0), [X, X * 2]),
    Case("concatenate", lambda x, y: torch.concatenate([x, y], 2), [X, X * 2]),
    Case("stack-first", lambda x, y: torch.stack([x, y]), [X, X * 2], ops=["CONCATENATION", "RESHAPE"]),
    Case("stack-middle", lambda x, y, z: torch.stack([x, y, z], 1), [X, X * 2, X * 3]),
    Case("stack-before-last", lambda x, y: torch.stack([x, y], -2), [X, X * 2]),
    Case("stack-last", lambda x, y: torch.stack([x, y], -1), [X, X * 2], ops=["RESHAPE", "RESHAPE", "CONCATENATION"]),
    Case("stack-0d", lambda x, y: torch.stack([x, y]), [torch.tensor(1.5), torch.tensor(2.5)]),
    Case("stack-many", lambda *x: torch.stack(x, 2), [normal(2, 3) for _ in range(7)], ops=["PACK"]),
    Case("stack-many-bools", lambda *x: torch.stack(x, 2), [bools(2, 3) for _ in range(7)]),
    Case("stack-int64", lambda x, y: torch.stack([x, y], 1), [ints(2, 3), ints(2, 3)]),
    Case("stack-promotes", lambda x, y: torch.stack([x, y], 1), [ints(2, 3), normal(2, 3)]),
    Case("stack-6d", lambda x: torch.stack([x, x], 6), [SEVEN[0]]),
    Case("hstack", lambda x, y: torch.hstack([x, y]), [X, normal(2, 2, 4)]),
    Case("hstack-1d", lambda x, y: torch.hstack([x, y]), [normal(3), normal(2)]),
    Case("hstack-0d", lambda x, y: torch.hstack([x, y]), [torch.tensor(1.5), torch.tensor(2.5)]),
    Case("vstack", lambda x, y: torch.vstack([x, y]), [X, normal(1, 3, 4)]),
    Case("vstack-1d", lambda x, y: torch.vstack([x, y]), [normal(3), normal(2, 3)]),
    Case("row-stack", lambda x, y: torch.row_stack([x, y]), [normal(3), normal(3)]),
    Case("dstack", lambda x, y: torch.dstack([x, y]), [X, normal(2, 3, 1)]),
    Case("dstack-1d", lambda x, y: torch.dstack([x, y]), [normal(3), normal(3)]),
    Case("dstack-2d", lambda x, y: torch.dstack([x, y]), [normal(2, 3), normal(2, 3, 2)]),
    Case("column-stack", lambda x, y: torch.column_stack([x, y]), [normal(3), normal(3, 2)]),
    Case("column-stack-0d", lambda x, y: torch.column_stack([x, y]), [torch.tensor(1.5), torch.tensor(2.5)]),
    Case("block-diag", lambda x, y, z: torch.block_diag(x, y, z), [normal(2, 3), normal(3), torch.tensor(2.5)]),
    Case("block-diag-int64", lambda x, y: torch.block_diag(x, y), [ints(2, 3), ints(1, 2)]),
    Case("block-diag-bool", lambda x, y: torch.block_diag(x, y), [bools(2, 3), bools(1, 2)]),
]

SPLIT = [
    Case("split", lambda x: x.split(2, 2), [X], ops=["SPLIT"]),
    Case("split-rest", lambda x: x.split(2, 1), [X], ops=["SPLIT_V"]),
    Case("split-whole", lambda x: x.split(9, 1)[0] + 1, [X], ops=["ADD"]),
    Case("split-many", lambda x: x.split(1, -1), [normal(2, 6)], ops=["SLICE"] * 6),
    Case("split-sizes", lambda x: x.split([1, 0, 3], 2), [X]),
    Case("split-one-used", lambda x: x.split([1, 3], 2)[1], [X], ops=["SLICE"]),
    Case("split-int64", lambda x: x.split(2, 1), [ints(3, 4)]),
    Case("split-bool", lambda x: x.split(2, 1), [bools(3, 4)], ops=["SLICE", "SLICE"]),
    Case("split-uint8", lambda x: x.split(1), [BYTES]),
    Case("split-empty", lambda x: x.split(1, 0), [normal(2, 0)]),
    Case("split-7d", lambda x: x.split(1, 2), [SEVEN]),
    Case("split-with-sizes", lambda x: x.split_with_sizes([2, 1], 1), [X]),
    Case("unsafe-split", lambda x: torch.unsafe_split(x, 1, 1), [X]),
    Case("chunk", lambda x: x.chunk(2, -1), [X], ops=["SPLIT"]),
    Case("chunk-uneven", lambda x: x.chunk(2, 1), [X]),
    Case("chunk-fewer", lambda x: x.chunk(5, 0), [X]),
    Case("chunk-swaps", lambda x: torch.cat(x.chunk(2, 2)[::-1], 2), [X]),
    Case("tensor-split", lambda x: x.tensor_split(3, 2), [X]),
    Case("tensor-split-indices", lambda x: x.tensor_split((1, 3), 2), [X]),
    Case("tensor-split-odd-indices", lambda x: x.tensor_split((3, 1, -1, 9)), [normal(5)]),
    Case("tensor-split-tensor", lambda x: x.tensor_split(torch.tensor([1, 3]), 2), [X]),
    Case(
        "tensor-split-computed",
        lambda x, at: x.tensor_split(at, 2),
        [X, torch.tensor([1, 3])],
        error="makes sizes or Python numbers of computed values",
    ),
    Case("hsplit", lambda x: x.hsplit(3), [X]),
    Case("hsplit-1d", lambda x: x.hsplit([1, 4]), [normal(5)]),
    Case("vsplit", lambda x: x.vsplit([1]), [X]),
    Case("dsplit", lambda x: x.dsplit(2), [X]),
    Case("unbind", lambda x: x.unbind(1), [X]),
    Case("unbind-last", lambda x: x.unbind(-1), [X]),
    Case("unbind-many", lambda x: x.unbind(1), [normal(2, 6)], ops=["UNPACK"]),
    Case("unbind-many-bools", lambda x: x.unbind(0), [bools(6, 2)]),
    Case("unbind-many-int64", lambda x: x.unbind(0), [ints(6, 2)]),
    Case("unbind-iterates", lambda x: sum(row for row in x), [normal(3, 2)]),
    Case("unbind-1d", lambda x: x.unbind(), [normal(3)]),
]

REPEATED = [
    Case("tile", lambda x: x.tile(2, 1), [X], ops=["TILE"]),
    Case("tile-more-dims", lambda x: x.tile(2, 1, 3), [normal(2, 3)]),
    Case("tile-0d", lambda x: x.tile(2, 2), [torch.tensor(2.5)]),
    Case("repeat", lambda x: x.repeat(2, 1, 3), [X]),
    Case("repeat-more-dims", lambda x: x.repeat(2, 1, 3), [normal(4)]),
    Case("repeat-once", lambda x: x.repeat(1, 1, 1) + 1, [X], ops=["ADD"]),
    Case("repeat-zero", lambda x: x.repeat(0, 2), [normal(2, 3)]),
    Case("repeat-int64", lambda x: x.repeat(2, 2), [ints(2, 3)]),
    Case("repeat-bool", lambda x: x.repeat(1, 2), [bools(2, 3)]),
    Case("repeat-7d", lambda x: x.repeat(1, 2, 1, 2, 1, 1, 1), [SEVEN]),
    Case("repeat-interleave", lambda x: x.repeat_interleave(2, 1), [X]),
    Case("repeat-interleave-flat", lambda x: x.repeat_interleave(3), [normal(2, 3)]),
    Case("repeat-interleave-last", lambda x: x.repeat_interleave(2, -1), [X]),
    Case("repeat-interleave-0d", lambda x: x.repeat_interleave(3), [torch.tensor(2.5)]),
    Case("repeat-interleave-bool", lambda x: x.repeat_interleave(2, 0), [bools(2, 3)]),
    Case(
        "repeat-interleave-places",
        lambda n: torch.repeat_interleave(n.clamp(1, 3) * 0 + torch.tensor([2, 0, 3]), output_size=5),
        [ints(3, dtype=torch.int32)],
    ),
    Case(
        "repeat-interleave-constant",
        lambda x: x.repeat_interleave(torch.tensor([1, 0, 2]), 1, output_size=3),
        [X],
    ),
    Case(
        "repeat-interleave-computed",
        lambda x, n: x.repeat_interleave(n, 1, output_size=3),
        [X, torch.tensor([1, 0, 2])],
        draws=0,
    ),
    Case("roll-rows", lambda x: x.roll(1, 0), [normal(3, 20)], ops=["GATHER"]),
    Case("roll-last", lambda x: x.roll(1, -1), [normal(3, 20)], ops=["SPLIT_V", "CONCATENATION"]),
    Case("roll-two", lambda x: x.roll((1, -1), (0, 1)), [X]),
    Case("roll-far", lambda x: x.roll(-9, 2), [X]),
    Case("roll-round", lambda x: x.roll(4, 2) + 1, [X], ops=["ADD"]),
    Case("roll-flat", lambda x: x.roll(5), [X]),
    Case("roll-bool", lambda x: x.roll(1, 1), [bools(2, 3)]),
    Case("roll-empty", lambda x: x.roll(1, 1), [normal(2, 0)]),
    Case("flip", lambda x: x.flip(1), [X], ops=["REVERSE_V2"]),
    Case("flip-neighbours", lambda x: x.flip(1, -1), [X], ops=["REVERSE_V2"]),
    Case("flip-apart", lambda x: x.flip(2, 0), [X], ops=["REVERSE_V2", "REVERSE_V2"]),
    Case("flip-none", lambda x: x.flip(()) + 1, [X], ops=["ADD"]),
    Case("flip-int64", lambda x: x.flip(0), [ints(3, 2)]),
    Case("flip-bool", lambda x: x.flip(0, 1), [bools(3, 2)]),
    Case("flip-7d", lambda x: x.flip(0, 5, 6), [SEVEN]),
    Case("flip-0d", lambda x: x.flip(()) + 1, [torch.tensor(2.5)]),
    Case("fliplr", lambda x: x.fliplr(), [X]),
    Case("flipud", lambda x: x.flipud(), [X]),
    *[Case(f"rot90-{k}", lambda x, k=k: torch.rot90(x, k, (1, 2)), [X]) for k in (1, 2, 3, -1)],
    Case("rot90-swapped", lambda x: torch.rot90(x, 1, (2, 0)), [X]),
]


@cases(JOINED + SPLIT + REPEATED)
@pytest.mark.filterwarnings("ignore:.*row_stack")
def test_join(case):
    check(case)
