"""Embeddings and one-hot vectors against PyTorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.frontends.torch.ops.inputs import ints, normal
from tests.harness import Case, cases, check

TABLE = normal(9, 4)
MODES = ("sum", "mean", "max")


def ids(*shape, dtype=torch.int64):
    return ints(*shape, low=0, high=9, dtype=dtype)


CASES = [
    Case("embedding", nn.Embedding(9, 4), [ids(2, 3)], ops=["GATHER"]),
    Case("embedding-int32", nn.Embedding(9, 4), [ids(2, 3, dtype=torch.int32)], ops=["GATHER"]),
    Case("embedding-0d", nn.Embedding(9, 4), [ids(1).reshape(())]),
    Case("embedding-padding", nn.Embedding(9, 4, padding_idx=0), [ids(5)]),
    Case("embedding-computed-table", lambda i, w: F.embedding(i, w * 2), [ids(2, 3), TABLE]),
    Case("embedding-constant-ids", lambda w: F.embedding(torch.tensor([[3, 1], [0, 8]]), w), [TABLE]),
    *[Case(f"bag-{mode}", nn.EmbeddingBag(9, 4, mode=mode), [ids(3, 5)]) for mode in MODES],
    *[Case(f"bag-{mode}-padding", nn.EmbeddingBag(9, 4, mode=mode, padding_idx=2), [ids(3, 5)]) for mode in MODES],
    *[
        Case(f"bag-{m}-offsets", lambda i, m=m: F.embedding_bag(i, TABLE, torch.tensor([0, 2, 2, 6]), mode=m), [ids(9)])
        for m in MODES
    ],
    Case("bag-all-padding", nn.EmbeddingBag(9, 4, mode="max", padding_idx=2), [torch.full((2, 3), 2)]),
    Case(
        "bag-last-offset",
        lambda i: F.embedding_bag(i, TABLE, torch.tensor([0, 4, 9]), mode="mean", include_last_offset=True),
        [ids(9)],
    ),
    Case(
        "bag-weighted",
        lambda i, w: F.embedding_bag(i, TABLE, mode="sum", per_sample_weights=w),
        [ids(3, 5), normal(3, 5)],
    ),
    *[
        Case(
            f"bag-{m}-computed",
            lambda i, o, m=m: F.embedding_bag(i, TABLE, o, mode=m, padding_idx=1),
            [ids(9), torch.tensor([0, 2, 2, 6])],
            draws=0,
        )
        for m in ("sum", "mean", "max")
    ],
    Case(
        "bag-computed-last",
        lambda i, o, w: F.embedding_bag(i, TABLE, o, mode="sum", per_sample_weights=w, include_last_offset=True),
        [ids(9), torch.tensor([0, 3, 9]), normal(9)],
        draws=0,
    ),
    Case("max-norm", nn.Embedding(9, 4, max_norm=1.0), [ids(5)], error="set max_norm to None"),
    Case("one-hot", lambda i: F.one_hot(i, 9), [ids(2, 3)], ops=["ONE_HOT"]),
    Case("one-hot-wide", lambda i: F.one_hot(i, 12).float(), [ids(4)]),
    Case("one-hot-0d", lambda i: F.one_hot(i, 9), [ids(1).reshape(())]),
]


@cases(CASES)
def test_embedding(case):
    check(case)
