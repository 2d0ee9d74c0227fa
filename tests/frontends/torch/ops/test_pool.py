"""Pooling in one, two and three dimensions."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.harness import Case, cases, check

SIZE = {1: (11,), 2: (9, 8), 3: (6, 7, 5)}
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
ADAPTIVE_AVERAGE = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
UNPOOL = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}


def _x(space: int, *lead: int) -> tuple[torch.Tensor]:
    return (torch.randn(*(lead or (2, 3)), *SIZE[space]),)


def _call(function: Any, *args: Any, **options: Any) -> Any:
    return lambda x: function(x, *args, **options)


def _id(space: int, options: dict[str, Any]) -> str:
    return f"{space}d_" + "_".join(f"{k}{v}" for k, v in options.items()).replace(" ", "")


MAX_FORMS: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},
    {"kernel_size": 1, "stride": 2},
    {"kernel_size": 1, "stride": 2, "ceil_mode": True},
    {"kernel_size": 2, "stride": 1, "dilation": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2},
    {"kernel_size": 2, "stride": 2, "padding": 1, "dilation": 3, "ceil_mode": True},
]
MAXIMA = [
    Case(_id(space, options), _call(MAX[space], **options), _x(space)) for space in (1, 2, 3) for options in MAX_FORMS
] + [
    Case(_id(space, options) + "_indices", _call(MAX[space], **options, return_indices=True), _x(space))
    for space in (1, 2, 3)
    for options in MAX_FORMS
]

AVERAGES = [
    Case(
        _id(space, {"k": k, "s": s, "p": p, "ceil": ceil, "include": include}),
        _call(AVERAGE[space], k, s, p, ceil, include),
        _x(space),
    )
    for space, (k, s, p), ceil, include in product(
        (1, 2, 3),
        ((2, 2, 0), (3, 2, 1), (3, 1, 1), (4, 3, 2), (1, 2, 0)),
        (False, True),
        (False, True),
    )
] + [
    Case(
        _id(space, {"k": k, "s": s, "p": p, "ceil": ceil, "divisor": 5}),
        _call(AVERAGE[space], k, s, p, ceil, True, 5),
        _x(space),
    )
    for space, (k, s, p), ceil in product((2, 3), ((2, 2, 0), (3, 2, 1), (1, 1, 0)), (False, True))
]

ADAPTIVE = [
    Case(f"{name}_{space}d_{size}", _call(table[space], size), _x(space, 2, 3))
    for name, table in (("average", ADAPTIVE_AVERAGE), ("max", ADAPTIVE_MAX))
    for space in (1, 2, 3)
    for size in (1, 2, 4, 13)
]

MIXED = [
    Case("max_unbatched_1d", _call(F.max_pool1d, 2), _x(1, 3)),
    Case("max_unbatched_2d", _call(F.max_pool2d, 3, 2, 1), _x(2, 3)),
    Case("max_unbatched_3d", _call(F.max_pool3d, 3, 2, 1), _x(3, 3)),
    Case("max_unbatched_indices", _call(F.max_pool3d, (1, 3, 2), (2, 1, 2), return_indices=True), _x(3, 3)),
    Case("average_unbatched", _call(F.avg_pool3d, 3, 2, 1, True, False), _x(3, 3)),
    Case("average_unbatched_thin", _call(F.avg_pool3d, (1, 3, 2), (2, 1, 2)), _x(3, 3)),
    Case("average_unbatched_thin_divisor", _call(F.avg_pool3d, (1, 3, 2), divisor_override=4), _x(3, 3)),
    Case("adaptive_unbatched", _call(F.adaptive_avg_pool2d, (3, None)), _x(2, 3)),
    Case("max_per_side", _call(F.max_pool2d, (3, 2), (2, 1), (1, 0)), _x(2)),
    Case("average_per_side", _call(F.avg_pool2d, (3, 2), (2, 1), (1, 0), False, False), _x(2)),
    Case("average_per_side_3d", _call(F.avg_pool3d, (3, 1, 2), (2, 1, 1), (1, 0, 1), True), _x(3)),
    Case("adaptive_mixed", _call(F.adaptive_avg_pool2d, (1, None)), _x(2)),
    Case("adaptive_max_mixed", _call(F.adaptive_max_pool2d, (None, 3)), _x(2)),
    Case("adaptive_core", _call(torch.ops.aten._adaptive_avg_pool2d, (2, 3)), _x(2)),
    Case("adaptive_core_3d", _call(torch.ops.aten._adaptive_avg_pool3d, (2, 3, 1)), _x(3)),
    Case("max_core", _call(torch.ops.aten.max_pool2d_with_indices, [2, 2]), _x(2)),
    Case("max_int", _call(F.max_pool2d, 2, 1, 1), (torch.randint(-9, 9, (1, 2, 4, 5)),)),
    Case("max_ties", _call(F.max_pool2d, 3, 1, 1, return_indices=True), (torch.randint(0, 3, (1, 2, 6, 5)).float(),)),
    Case("max_all_negative", _call(F.max_pool2d, 3, 1, 1), (-1e15 * torch.rand(1, 2, 6, 5) - 1e15,)),
    Case("lp_1d", nn.LPPool1d(2, 3, 2), (torch.rand(1, 2, 9) + 0.1,)),
    Case("lp_2d", nn.LPPool2d(2, 2), (torch.rand(1, 2, 6, 5) + 0.1,)),
    Case("local_response_norm", nn.LocalResponseNorm(3, alpha=0.5), _x(2, 1, 7)),
    Case("local_response_norm_even", nn.LocalResponseNorm(4, alpha=0.5), _x(2, 2, 7)),
    Case("local_response_norm_wide", nn.LocalResponseNorm(3, alpha=0.5), _x(1, 70, 7)),
    Case("local_response_norm_1d", nn.LocalResponseNorm(3, alpha=0.5), _x(1, 2, 7)),
    Case("local_response_norm_3d", nn.LocalResponseNorm(3, alpha=0.5), _x(3, 2, 7)),
    Case("wide_uneven", _call(F.adaptive_avg_pool1d, 400), (torch.randn(1, 2, 600),)),
]

UNPOOLED = [
    Case(
        f"{space}d_{k}_{s}",
        lambda x, space=space, k=k, s=s: UNPOOL[space](
            *MAX[space](x, k, s, return_indices=True), k, s, output_size=x.shape[2:]
        ),
        _x(space),
    )
    for space in (1, 2, 3)
    for k, s in ((2, 2), (3, 2), (2, 3))
] + [
    Case(
        "2d_output_size",
        lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, 2, return_indices=True), 2, output_size=x.shape[-2:]),
        _x(2, 3),
    ),
]

FORMS = [
    Case(
        "depth_is_sliced",
        nn.MaxPool3d((1, 3, 3), stride=(2, 1, 2)),
        (torch.randn(1, 8, 6, 9),),
        ops=["RESHAPE", "SLICE", "RESHAPE", "TRANSPOSE", "MAX_POOL_2D", "TRANSPOSE"],
    ),
    Case(
        "depth_as_it_is",
        nn.MaxPool3d((1, 3, 3), stride=(1, 1, 1)),
        (torch.randn(1, 8, 6, 9),),
        ops=["TRANSPOSE", "MAX_POOL_2D", "TRANSPOSE"],
    ),
    Case("separable", nn.MaxPool3d(2), _x(3), ops=["TRANSPOSE", *["RESHAPE", "MAX_POOL_2D"] * 2, "RESHAPE", "TRANSPOSE"]),
    Case("same", nn.MaxPool2d(3, 1, 1), _x(2), ops=["TRANSPOSE", "MAX_POOL_2D", "TRANSPOSE"]),
    Case("padded", nn.MaxPool2d(3, 2, 1), (torch.randn(1, 2, 8, 8),), ops=["TRANSPOSE", "PADV2", "MAX_POOL_2D", "TRANSPOSE"]),
    Case("unused_indices", lambda x: F.max_pool2d(x, 2, return_indices=True)[0], _x(2), ops=["TRANSPOSE", "MAX_POOL_2D", "TRANSPOSE"]),
    Case("average_same", nn.AvgPool2d(3, 1, 1, count_include_pad=False), _x(2), ops=["TRANSPOSE", "AVERAGE_POOL_2D", "TRANSPOSE"]),
    Case("global", nn.AdaptiveAvgPool2d(1), _x(2), ops=["MEAN"]),
    Case("global_max", lambda x: F.adaptive_max_pool3d(x, 1), _x(3), ops=["REDUCE_MAX"]),
    Case("nothing", lambda x: F.adaptive_avg_pool2d(x, (9, 8)) + 1, _x(2), ops=["ADD"]),
    Case("divisible", nn.AdaptiveAvgPool2d((3, 4)), _x(2), ops=["TRANSPOSE", "AVERAGE_POOL_2D", "TRANSPOSE"]),
]  # fmt: skip


@cases(MAXIMA)
def test_max(case: Case) -> None:
    check(case)


@cases(AVERAGES)
def test_average(case: Case) -> None:
    check(case)


@cases(ADAPTIVE)
def test_adaptive(case: Case) -> None:
    check(case)


@cases(MIXED)
def test_mixed(case: Case) -> None:
    check(case)


@cases(UNPOOLED)
def test_unpool(case: Case) -> None:
    check(case)


@cases(FORMS)
def test_forms(case: Case) -> None:
    check(case)
