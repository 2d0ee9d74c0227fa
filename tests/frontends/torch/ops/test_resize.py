"""Interpolation: every mode, by size and by factor."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.harness import Case, cases, check

SIZE = {1: (9,), 2: (7, 10), 3: (4, 5, 6)}
TARGETS: dict[str, dict[str, Any]] = {
    "double": {"scale_factor": 2},
    "triple": {"scale_factor": 3},
    "half": {"scale_factor": 0.5},
    "odd": {"scale_factor": 1.7},
    "odd_recomputed": {"scale_factor": 1.7, "recompute_scale_factor": True},
    "odd_down": {"scale_factor": 0.7},
    "barely": {"scale_factor": 1.09},
    "size": {"size": 13},
    "one": {"size": 1},
    "smaller": {"size": 3},
}
MODES = {
    1: ("nearest", "nearest-exact", "linear", "area"),
    2: ("nearest", "nearest-exact", "bilinear", "bicubic", "area"),
}
MODES[3] = ("nearest", "nearest-exact", "trilinear", "area")


def _resize(**options: Any) -> Any:
    return lambda x: F.interpolate(x, **options)


def _x(space: int, *lead: int) -> tuple[torch.Tensor]:
    torch.manual_seed(space)
    return (torch.randn(*(lead or (2, 3)), *SIZE[space]),)


SWEEP = [
    Case(
        f"{space}d_{mode}_{name}" + ("_aligned" if aligned else ""),
        _resize(mode=mode, align_corners=aligned, **target),
        _x(space),
    )
    for space in (1, 2, 3)
    for mode in MODES[space]
    for aligned in ((False, True) if mode.endswith(("linear", "cubic")) else (None,))
    for name, target in TARGETS.items()
]

ANTIALIASED = [
    Case(
        f"{mode}_{name}" + ("_aligned" if aligned else ""),
        _resize(mode=mode, align_corners=aligned, antialias=True, **target),
        _x(2),
    )
    for mode in ("bilinear", "bicubic")
    for aligned in (False, True)
    for name, target in TARGETS.items()
]


def _i(*shape: int) -> torch.Tensor:
    return torch.randint(-9, 9, shape)


aten = torch.ops.aten

MIXED = [
    Case("per_side", _resize(size=(3, 17), mode="bilinear"), _x(2)),
    Case("per_side_factors", _resize(scale_factor=(2, 0.6), mode="bicubic"), _x(2)),
    Case("per_side_3d", _resize(size=(3, 5, 9), mode="trilinear"), _x(3)),
    Case("nearest_per_side", _resize(size=(7, 3)), _x(2)),
    Case("large", _resize(size=(50, 31), mode="bilinear"), (torch.randn(1, 2, 33, 47),)),
    Case("large_aligned", _resize(size=(50, 31), mode="bilinear", align_corners=True), (torch.randn(1, 2, 33, 47),)),
    Case("large_cubic", _resize(size=(150, 31), mode="bicubic"), (torch.randn(1, 2, 99, 20),)),
    Case("large_antialiased", _resize(size=(20, 31), mode="bilinear", antialias=True), (torch.randn(1, 2, 99, 140),)),
    Case("same_size", lambda x: F.interpolate(x, size=(7, 10), mode="bilinear") + 1, _x(2), ops=["ADD"]),
    Case("same_size_nearest", lambda x: F.interpolate(x, size=(7, 10)) + 1, _x(2), ops=["ADD"]),
    Case("from_one", _resize(size=(4, 5), mode="bilinear"), (torch.randn(1, 2, 1, 1),)),
    Case("nearest_uint8", _resize(scale_factor=2.0), (_i(1, 2, 3, 4).abs().byte(),)),
    Case("nearest_uint8_odd", _resize(scale_factor=1.7), (_i(1, 2, 3, 4).abs().byte(),)),
    Case("nearest_double_by_2.05", _resize(scale_factor=2.05), _x(2)),
    Case("linear_uint8", _resize(scale_factor=2.0, mode="bilinear"), (_i(1, 2, 3, 4).abs().byte(),), error=".float()"),
    Case("module", nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), _x(2)),
    Case("module_nearest", nn.UpsamplingNearest2d(size=(14, 20)), _x(2)),
    Case("core_nearest", lambda x: aten.upsample_nearest2d(x, [10, 17], 1.5, 1.75), _x(2)),
    Case("core_nearest_1d", lambda x: aten.upsample_nearest1d(x, [13]), _x(1)),
    Case("core_exact", lambda x: aten._upsample_nearest_exact3d(x, [5, 6, 7], 1.3, None, 1.2), _x(3)),
    Case("core_linear", lambda x: aten.upsample_linear1d(x, [15], False, 1.7), _x(1)),
    Case("core_bilinear", lambda x: aten.upsample_bilinear2d(x, [15, 12], False, 2.2), _x(2)),
    Case("core_trilinear", lambda x: aten.upsample_trilinear3d(x, [8, 10, 12], False), _x(3)),
    Case("core_bicubic", lambda x: aten.upsample_bicubic2d(x, [15, 12], True), _x(2)),
    Case("core_antialiased", lambda x: aten._upsample_bilinear2d_aa(x, [3, 12], False), _x(2)),
    # The forms.
    Case("op", _resize(scale_factor=2, mode="bilinear"), _x(2), ops=["TRANSPOSE", "RESIZE_BILINEAR", "TRANSPOSE"]),
    Case(
        "op_nearest", _resize(scale_factor=2), _x(2, 2, 20), ops=["TRANSPOSE", "RESIZE_NEAREST_NEIGHBOR", "TRANSPOSE"]
    ),
    Case("op_gather", _resize(scale_factor=1.7), _x(2), ops=["GATHER", "GATHER"]),
    Case(
        "op_cubic",
        _resize(scale_factor=2, mode="bicubic"),
        _x(2),
        ops=["TRANSPOSE", *("RESHAPE", "BATCH_MATMUL") * 2, "RESHAPE", "TRANSPOSE"],
    ),
]


@cases(SWEEP)
def test_modes(case: Case) -> None:
    check(case)


@cases(ANTIALIASED)
def test_antialiased(case: Case) -> None:
    check(case)


@cases(MIXED)
def test_mixed(case: Case) -> None:
    check(case)
