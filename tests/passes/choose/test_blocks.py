"""Blocks of places that become channels against PyTorch; and what only looks like them."""

from __future__ import annotations

import torch

from liteport.ir import ops
from tests.harness import Case, cases, check

LAST = [torch.randn(1, 6, 8, 4)]
FIRST = [torch.randn(2, 3, 6, 8)]


def parts(x: torch.Tensor, places: list[tuple[int, int]], step: int = 2) -> list[torch.Tensor]:
    """Blocks of x[N,H,W,C]."""
    return [x[:, i::step, j::step] for i, j in places]


ROWS = [(0, 0), (0, 1), (1, 0), (1, 1)]
COLUMNS = [(0, 0), (1, 0), (0, 1), (1, 1)]
TURNED = ["RESHAPE", "TRANSPOSE", "RESHAPE"]
CASES = [
    Case("rows first", lambda x: torch.cat(parts(x, ROWS), -1), LAST, ops=["SPACE_TO_DEPTH"]),
    Case("columns first", lambda x: torch.cat(parts(x, COLUMNS), -1), LAST, ops=TURNED),
    Case("several at a time", lambda x: torch.cat(parts(x, COLUMNS), -1), [torch.randn(3, 6, 8, 4)], ops=TURNED),
    Case(
        "channels first",
        lambda x: torch.cat([x[..., i::2, j::2] for i, j in ROWS], 1),
        FIRST,
        ops=TURNED,
    ),
    Case("one dimension", lambda x: torch.cat([x[:, ::2], x[:, 1::2]], -1), [torch.randn(1, 6, 4)], ops=["RESHAPE"]),
    Case(
        "one dimension, the last but one", lambda x: torch.cat([x[:, :, ::2], x[:, :, 1::2]], -1), LAST, ops=["RESHAPE"]
    ),
    Case(
        "blocks of 3",
        lambda x: torch.cat(parts(x, [(i, j) for i in range(3) for j in range(3)], 3), -1),
        [torch.randn(1, 6, 9, 2)],
        ops=["SPACE_TO_DEPTH"],
    ),
]


@cases(CASES)
def test_blocks(case: Case) -> None:
    check(case)


OTHERS = [
    Case("another order", lambda x: torch.cat(parts(x, [(1, 1), (0, 1), (1, 0), (0, 0)]), -1), LAST),
    Case("one of them twice", lambda x: torch.cat(parts(x, [(0, 0), (0, 1), (1, 0), (1, 0)]), -1), LAST),
    Case("another size", lambda x: torch.cat(parts(x[:, :5, :7], [(0, 0)] * 4), -1), LAST),
    Case("two values", lambda x: torch.cat([*parts(x, ROWS[:2]), *parts(x + 1, ROWS[2:])], -1), LAST),
    Case("other channels", lambda x: torch.cat([p[..., :3] for p in parts(x, ROWS)], -1), LAST),
    Case("along rows", lambda x: torch.cat(parts(x, ROWS), 1), LAST),
    Case("integers", lambda x: torch.cat(parts(x, ROWS), -1), [torch.arange(192).reshape(1, 6, 8, 4)]),
]


@cases(OTHERS)
def test_others_stay(case: Case) -> None:
    graph = check(case)
    assert graph is not None
    assert not graph.find(ops.SpaceToDepth, ops.Transpose)
