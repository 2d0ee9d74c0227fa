"""Places in sorted sequences, buckets and histograms."""

from __future__ import annotations

from math import inf, nan

import torch

from tests.frontends.torch.ops.inputs import ints, normal
from tests.harness import Case, cases, check

X = normal(2, 3, 4)
I64 = ints(2, 3)
EDGE = torch.tensor([-1.0, 0.0, 1.0, 2.5])

CASES = [
    Case("bucketize", lambda x: (torch.bucketize(x, EDGE), torch.bucketize(x, EDGE, right=True)), [X]),
    Case(
        "bucketize_edges",
        lambda x: (torch.bucketize(x, EDGE), torch.bucketize(x, EDGE, right=True, out_int32=True)),
        [torch.tensor([-1.0, 0, 1, 2.5, 3, -2, nan, inf, -0.0])],
        draws=0,
    ),
    Case("bucketize_int", lambda x: torch.bucketize(x, torch.tensor([-3, 0, 2])), [I64]),
    Case(
        "bucketize_computed",
        lambda x, e: (torch.bucketize(x, e.sort()[0]), torch.bucketize(x, e.cumsum(0), right=True)),
        [X, torch.tensor([0.1, 0.5, 0.9])],
    ),
    Case(
        "searchsorted",
        lambda x: (
            torch.searchsorted(EDGE, x),
            torch.searchsorted(EDGE, x, side="right"),
            torch.searchsorted(EDGE, 0.3),
        ),
        [X],
    ),
    Case("searchsorted_many", lambda x, y: torch.searchsorted(x.sort()[0], y), [normal(2, 4), normal(2, 7)]),
    Case(
        "searchsorted_unsorted", lambda x, y: torch.searchsorted(x, y, sorter=x.argsort()), [normal(2, 4), normal(2, 7)]
    ),
    Case("histc", lambda x: (torch.histc(x, 5), torch.histc(x, 4, -1, 1)), [X]),
    Case("histc_of_one_value", lambda x: torch.histc(x, 4), [torch.full((3,), 2.5)], draws=0),
]


@cases(CASES)
def test_count(case: Case) -> None:
    check(case)
