"""Sizes that depend on constants are worked out; those that depend on inputs stay open, or are refused."""

from __future__ import annotations

import torch

from tests.frontends.torch.ops.inputs import ints, normal
from tests.harness import Case, cases, check

X = normal(4, 5, 6)
MASK = torch.tensor([True, False, True, True, False])


class Buffers(torch.nn.Module):
    """A mask that the module keeps, and one that it computes from that."""

    def __init__(self):
        super().__init__()
        self.register_buffer("keep", MASK)

    def forward(self, x):
        return x[:, self.keep] * 2 + x[:, ~self.keep].sum(), x[:, self.keep & (torch.arange(5) > 1)].relu()


def write(x, y):
    x = x.clone()
    x[:, MASK] = y
    return x


def mask_in_pieces(x):
    mask = torch.zeros(5, dtype=torch.bool)
    before = x[:, ~mask]
    mask[1:3] = True
    return x[:, mask] + before.sum()


def mask_from_input(x):
    mask = torch.zeros(5, dtype=torch.bool)
    mask[1:3] = x[0, :2, 0] > 0
    return x[:, mask].sum()


CASES = [
    Case("mask-in-pieces", mask_in_pieces, [X]),
    Case("mask-from-input", mask_from_input, [X]),
    Case("mask", lambda x: x[:, MASK] + 1, [X], ops=["GATHER", "ADD"]),
    Case("mask-run", lambda x: x[:, torch.tensor([False, True, True, False, False])], [X], ops=["SLICE"]),
    Case("mask-2d", lambda x: x[torch.ones(4, 5).tril() > 0].reshape(-1, 2), [X]),
    Case("mask-buffers", Buffers(), [X]),
    Case("mask-written", write, [X, normal(4, 3, 6)]),
    Case("mask-size-used", lambda x: x[:, MASK].sum(1) / x[:, MASK].shape[1], [X]),
    Case("masked-select", lambda x: x.masked_select(MASK[:, None]) * 2, [X]),
    Case("masked-scatter", lambda x, y: x.masked_scatter(MASK[:, None], y), [X, normal(80)]),
    Case("nonzero", lambda x: x[:, torch.nonzero(MASK)[:, 0]], [X]),
    Case("argwhere", lambda x: x.flatten(1)[:, torch.argwhere(MASK).flatten()], [X]),
    Case("where", lambda x: x[:, torch.where(MASK)[0]], [X]),
    Case("repeat-interleave", lambda x: x.repeat_interleave(torch.tensor([1, 0, 2, 1, 3]), 1), [X], ops=["GATHER"]),
    Case("item", lambda x: x[:, torch.tensor(2)] * torch.tensor(3).item(), [X]),
    Case("index-of-input", lambda x, i: x[:, i] + x[..., i - 1].sum(), [X, torch.tensor(2)]),
    Case("index-argmax", lambda x: x[:, x[0, :, 0].argmax()], [X]),
    Case(
        "two-of-input",
        lambda n: torch.unique(n, dim=0).sum() * torch.unique(n + 1, dim=0).sum(),
        [ints(4, 2, low=0, high=3)],
        error="2 operators make",
    ),
    Case(
        "repeats-of-input", lambda x, n: x.repeat_interleave(n, 0).sum(), [X, ints(X.shape[0], low=0, high=3)], draws=0
    ),
    Case("item-of-input", lambda x, i: x * i.item(), [X, torch.tensor(2)]),
]


@cases(CASES)
def test_sizes(case):
    check(case)
