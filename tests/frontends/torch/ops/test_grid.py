"""grid_sample and affine_grid."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from tests.harness import Case, cases, check


def _inputs(space: int, batch: int = 2) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(space)
    grid = torch.rand(batch, *(4, 5, 3)[:space], space) * 4 - 2
    return torch.randn(batch, 3, *(6, 7, 5)[:space]), grid


def _sample(**options: Any) -> Any:
    return lambda x, grid: F.grid_sample(x, grid, **options)


SAMPLES = [
    Case(
        f"{space}d_{mode}_{padding}" + ("_aligned" if aligned else ""),
        _sample(mode=mode, padding_mode=padding, align_corners=aligned),
        _inputs(space),
    )
    for space, modes in ((2, ("bilinear", "nearest", "bicubic")), (3, ("bilinear", "nearest")))
    for mode in modes
    for padding in ("zeros", "border", "reflection")
    for aligned in (False, True)
]

MIXED = [
    Case("one_image", _sample(align_corners=False), _inputs(2, 1)),
    Case("one_pixel", _sample(align_corners=True, padding_mode="reflection"), (torch.randn(1, 2, 1, 4), _inputs(2, 1)[1])),
    Case("far_away", _sample(align_corners=False), (_inputs(2)[0], _inputs(2)[1] * 1e6)),
    Case("core_2d", lambda x, g: torch.ops.aten.grid_sampler_2d(x, g, 0, 1, False), _inputs(2)),
    Case("core_3d", lambda x, g: torch.ops.aten.grid_sampler_3d(x, g, 0, 0, True), _inputs(3)),
    Case("affine", lambda t: F.affine_grid(t, (2, 3, 4, 5), align_corners=False), (torch.randn(2, 2, 3),)),
    Case("affine_aligned", lambda t: F.affine_grid(t, (2, 3, 4, 5), align_corners=True), (torch.randn(2, 2, 3),)),
    Case("affine_3d", lambda t: F.affine_grid(t, (1, 3, 4, 5, 2), align_corners=False), (torch.randn(1, 3, 4),)),
    Case("affine_one", lambda t: F.affine_grid(t, (1, 3, 1, 5), align_corners=True), (torch.randn(1, 2, 3),)),
    Case(
        "transformer",
        lambda x, t: F.grid_sample(x, F.affine_grid(t, (2, 3, 4, 5), align_corners=False), align_corners=False),
        (_inputs(2)[0], torch.randn(2, 2, 3)),
    ),
]  # fmt: skip


@cases(SAMPLES)
def test_sample(case: Case) -> None:
    check(case)


@cases(MIXED)
def test_mixed(case: Case) -> None:
    check(case)
