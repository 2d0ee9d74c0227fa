"""Normalisations: by batch, instance, group, layer and weight."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.harness import Case, cases, check

SIZE = {0: (), 1: (11,), 2: (5, 6), 3: (4, 3, 5)}
BATCH = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
INSTANCE = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
aten = torch.ops.aten


def _x(*shape: int) -> tuple[torch.Tensor]:
    torch.manual_seed(0)
    return (torch.randn(*shape) * 3 + 1,)


def _lively(module: nn.Module) -> nn.Module:
    """The module with parameters and statistics that are not just ones and zeros."""
    torch.manual_seed(1)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.is_floating_point():
            tensor.data = torch.rand_like(tensor) + (0.5 if "var" in name else -0.2)
    return module


def _v(*shape: int) -> torch.Tensor:
    torch.manual_seed(2)
    return torch.rand(*shape) + 0.5


V4, V6, V56 = _v(4), _v(6), _v(5, 6)

BATCHES = (
    [
        Case(f"batch_{space}d_{name}", _lively(BATCH[space](4, **options)), _x(3, 4, *SIZE[space]))
        for space in (1, 2, 3)
        for name, options in (
            ("plain", {}),
            ("no_affine", {"affine": False}),
            ("own_statistics", {"track_running_stats": False}),
            ("own_statistics_no_affine", {"track_running_stats": False, "affine": False, "eps": 0.1}),
        )
    ]
    + [
        Case(f"instance_{space}d_{name}", _lively(INSTANCE[space](4, **options)), _x(2, 4, *SIZE[space]))
        for space in (1, 2, 3)
        for name, options in (
            ("plain", {}),
            ("affine", {"affine": True, "eps": 0.01}),
            ("running", {"affine": True, "track_running_stats": True}),
        )
    ]
    + [
        Case("batch_vector", _lively(nn.BatchNorm1d(4)), _x(3, 4)),
        Case("batch_vector_own", _lively(nn.BatchNorm1d(4, track_running_stats=False)), _x(3, 4)),
        Case("synchronised", _lively(nn.SyncBatchNorm(4)), _x(2, 4, 5, 6)),
        Case("instance_unbatched", nn.InstanceNorm2d(4), _x(4, 5, 6)),
        Case("batch_is_two_ops", _lively(nn.BatchNorm2d(4)), _x(2, 4, 5, 6), ops=["MUL", "ADD"]),
        Case(
            "batch_computed",
            lambda x, m, v, w: F.batch_norm(x, m, v, w, w + 1),
            (*_x(2, 4, 5, 6), _v(4), _v(4), _v(4)),
        ),
        Case("training", lambda x: F.batch_norm(x, None, None, training=True), _x(3, 4, 5, 6)),
        Case(
            "core_inference",
            lambda x: aten._native_batch_norm_legit_no_training(x, V4, V4, V4, V4, 0.1, 1e-5)[0],
            _x(3, 4, 5, 6),
        ),
        Case(
            "core",
            lambda x: aten.native_batch_norm(x, V4, V4, V4, V4, False, 0.1, 1e-5)[0],
            _x(3, 4, 5, 6),
        ),
        Case(
            "core_no_stats",
            lambda x: aten._native_batch_norm_legit.no_stats(x, V4, None, True, 0.1, 1e-5),
            _x(3, 4, 5, 6),
        ),
        Case(
            "core_functional",
            lambda x: aten._native_batch_norm_legit_functional(x, V4, None, V4, V4, True, 0.1, 1e-5),
            _x(3, 4, 5, 6),
        ),
    ]
)

GROUPS = [
    Case(f"group_{groups}_of_{channels}_{space}d", _lively(nn.GroupNorm(groups, channels)), _x(2, channels, *SIZE[space]))
    for groups, channels in ((1, 6), (2, 6), (3, 6), (6, 6))
    for space in (0, 1, 2, 3)
    if groups < channels or space
] + [
    Case("group_no_affine", nn.GroupNorm(2, 6, affine=False), _x(2, 6, 5, 4)),
    Case("group_one_pixel", _lively(nn.GroupNorm(2, 6)), _x(2, 6, 1, 1)),
    # A mean of 100 standard deviations costs either side 7 bits.
    Case("group_shifted", _lively(nn.GroupNorm(2, 6)), (torch.randn(2, 6, 8, 8) + 100,), tolerance=2e-5),
    Case("group_core", lambda x: aten.native_group_norm(x, V6, V6, 2, 6, 20, 3, 1e-5), _x(2, 6, 5, 4)),
    Case("group_computed", lambda x, w: F.group_norm(x, 3, w, w), (*_x(2, 6, 5), _v(6))),
    Case(
        "group_ops",
        _lively(nn.GroupNorm(2, 6)),
        _x(2, 6, 5, 4),
        # Of x's size: MEAN, SUB, MUL, MEAN, and MUL, ADD at the end.
        ops=[
            *("MEAN", "SUB", "MUL", "MEAN"),
            *("RESHAPE", "MEAN", "SUB", "MUL", "RESHAPE", "ADD", "MEAN", "ADD", "RSQRT", "MUL", "MUL", "ADD"),
            *("RESHAPE", "RESHAPE", "MUL", "ADD"),
        ],
    ),
]  # fmt: skip

LAYERS: list[Any] = [
    Case("layer", _lively(nn.LayerNorm(6)), _x(2, 5, 6)),
    Case("layer_two", _lively(nn.LayerNorm([5, 6])), _x(2, 5, 6)),
    Case("layer_all", _lively(nn.LayerNorm([2, 5, 6])), _x(2, 5, 6)),
    Case("layer_vector", _lively(nn.LayerNorm(6)), _x(6)),
    Case("layer_no_affine", nn.LayerNorm(6, elementwise_affine=False, eps=0.1), _x(2, 5, 6)),
    Case("layer_no_bias", _lively(nn.LayerNorm(6, bias=False)), _x(2, 5, 6)),
    Case("layer_5d", _lively(nn.LayerNorm(6)), _x(2, 3, 2, 2, 6)),
    Case("layer_computed", lambda x, w: F.layer_norm(x, (6,), w, w), (*_x(2, 5, 6), _v(6))),
    Case("layer_core", lambda x: aten.native_layer_norm(x, [5, 6], V56, None, 1e-5), _x(2, 5, 6)),
    Case("layer_tiny", _lively(nn.LayerNorm(6)), (torch.randn(2, 5, 6) * 1e-4,)),
    Case("rms", _lively(nn.RMSNorm(6)), _x(2, 5, 6)),
    Case("rms_eps", _lively(nn.RMSNorm(6, eps=0.1)), _x(2, 5, 6)),
    Case("rms_two", _lively(nn.RMSNorm([5, 6])), _x(2, 5, 6)),
    Case("rms_no_affine", nn.RMSNorm(6, elementwise_affine=False), _x(2, 5, 6)),
    Case("rms_core", lambda x: aten._fused_rms_norm(x, [6], V6, 1e-6), _x(2, 5, 6)),
    Case("rms_half", nn.RMSNorm(6).half(), (torch.randn(2, 5, 6).half(),)),
    Case("normalize", F.normalize, _x(2, 5, 6)),
    Case("weight_old", torch.nn.utils.weight_norm(nn.Conv2d(3, 4, 3)), _x(1, 3, 6, 6)),
    Case("weight", torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), _x(1, 3, 6, 6)),
    Case("weight_dim", torch.nn.utils.parametrizations.weight_norm(nn.Linear(6, 4), dim=1), _x(2, 6)),
    Case("weight_whole", torch.nn.utils.parametrizations.weight_norm(nn.Linear(6, 4), dim=None), _x(2, 6)),
    Case("weight_computed", lambda v, g: aten._weight_norm_interface(v, g, 0), (_v(4, 3, 2), _v(4, 1, 1))),
    Case("spectral", torch.nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)), _x(1, 3, 6, 6)),
    Case(
        "weight_is_folded",
        torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
        _x(1, 3, 6, 6),
        ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE"],
    ),
    Case(
        "layer_ops",
        _lively(nn.LayerNorm(6)),
        _x(2, 5, 6),
        ops=["MEAN", "SUB", "MUL", "MEAN", "ADD", "RSQRT", "MUL", "MUL", "ADD"],
    ),
]


@cases(BATCHES)
def test_batch_and_instance(case: Case) -> None:
    check(case)


@cases(GROUPS)
def test_group(case: Case) -> None:
    check(case)


@cases(LAYERS)
def test_layer_and_weight(case: Case) -> None:
    check(case)
