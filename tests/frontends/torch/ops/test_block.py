"""Blocks written at computed places."""

from __future__ import annotations

import torch

from liteport.frontends.torch.ops.block import put_block
from tests.frontends.torch.ops.inputs import normal
from tests.harness import Case, cases, check

START = torch.tensor([1, 3])

TABLE = [
    Case(
        "rows",
        lambda x, block, at: put_block(x, block, 1, at[0]),
        [normal(4, 6, 5), normal(4, 2, 5), START],
        ops=["SLICE", "CAST", "MUL", "DYNAMIC_UPDATE_SLICE"],
    ),
    Case("from the end", lambda x, block, at: put_block(x, block, -1, at[1]), [normal(4, 6), normal(4, 3), START]),
    Case("a place of one element", lambda x, block, at: put_block(x, block, 0, at[:1]), [normal(6), normal(3), START]),
    Case("integers", lambda x, block, at: put_block(x, block, 0, at[0]), [torch.arange(6), torch.arange(3), START]),
]


@cases(TABLE)
def test_block(case: Case) -> None:
    check(case)
