"""More dimensions than LiteRT's kernels take."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.frontends.torch.ops.inputs import normal
from tests.harness import Case, cases, check

X = normal(2, 1, 3, 2, 2, 3, 2)
X8 = normal(2, 1, 3, 2, 2, 3, 2, 2)

HIGH: list[Any] = [
    Case("softmax", nn.Softmax(-1), [X], ops=["RESHAPE", "SOFTMAX", "RESHAPE"]),
    Case("softmax-inside", lambda x, y: (x.softmax(2) * y).sum(2), [X, normal(2, 1, 3, 1, 1, 3, 2)]),
    Case("log-softmax", nn.LogSoftmax(-1), [X8]),
    Case("mean-of-neighbours", lambda x: x.mean((2, 3)), [X], ops=["RESHAPE", "MEAN", "RESHAPE"]),
    Case("sum-in-turn", lambda x: x.sum((0, 2, 4, 6)), [X8]),
    Case("sum-all-in-turn", lambda x: x.sum((1, 3, 5)), [X], ops=["TRANSPOSE", "RESHAPE", "SUM", "RESHAPE"]),
    Case("max-keeps", lambda x: x.amax((1, 3, 5), keepdim=True), [X]),
    Case("max-of-one", lambda x: x.amax(-1), [X]),
    Case("add", torch.add, [X, X[:, :, :1]]),
]


@cases(HIGH)
def test_high_ranks(case: Case) -> None:
    check(case)
