"""Convolutions, in one, two and three dimensions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.harness import Case, cases, check

CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
SIZE = {1: (11,), 2: (9, 8), 3: (6, 7, 5)}


def _module(table: dict[int, Any], space: int, *args: Any, **kwargs: Any) -> nn.Module:
    torch.manual_seed(space)
    return table[space](*args, **kwargs)


def _x(channels: int, space: int, batch: int = 2) -> tuple[torch.Tensor]:
    return (torch.randn(batch, channels, *SIZE[space]),)


# (name, in, out, kernel, options)
FORMS: list[tuple[str, int, int, int, dict[str, Any]]] = [
    ("plain", 3, 5, 3, {}),
    ("no_bias", 3, 5, 3, {"bias": False}),
    ("pointwise", 3, 5, 1, {}),
    ("even", 3, 5, 2, {}),
    ("pad", 3, 5, 3, {"padding": 1}),
    ("pad_wide", 3, 5, 3, {"padding": 4}),
    ("pad_pointwise", 3, 5, 1, {"padding": 1}),
    ("stride", 3, 5, 3, {"stride": 2}),
    ("stride_pad", 3, 5, 3, {"stride": 2, "padding": 1}),
    ("stride_3", 3, 5, 2, {"stride": 3, "padding": 1}),
    ("stride_pointwise", 3, 5, 1, {"stride": 2}),
    ("dilation", 3, 5, 3, {"dilation": 2}),
    ("dilation_pad", 3, 5, 3, {"dilation": 2, "padding": 2}),
    ("dilation_stride", 3, 5, 3, {"dilation": 2, "stride": 2, "padding": 2}),
    ("same", 3, 5, 3, {"padding": "same"}),
    ("same_even", 3, 5, 4, {"padding": "same"}),
    ("same_dilated", 3, 5, 2, {"padding": "same", "dilation": 3}),
    ("valid", 3, 5, 3, {"padding": "valid", "stride": 2}),
    ("reflect", 3, 5, 3, {"padding": 2, "padding_mode": "reflect"}),
    ("replicate", 3, 5, 3, {"padding": 2, "padding_mode": "replicate"}),
    ("circular", 3, 5, 3, {"padding": 1, "padding_mode": "circular"}),
    ("circular_same", 3, 5, 4, {"padding": "same", "padding_mode": "circular"}),
    ("groups_2", 4, 6, 3, {"groups": 2, "padding": 1}),
    ("groups_3", 6, 9, 3, {"groups": 3, "stride": 2, "bias": False}),
    ("groups_5", 10, 5, 2, {"groups": 5, "dilation": 2}),
    ("groups_shuffle", 8, 4, 1, {"groups": 4}),
    ("depthwise", 4, 4, 3, {"groups": 4, "padding": 1}),
    ("depthwise_stride", 4, 4, 3, {"groups": 4, "stride": 2, "padding": 1, "bias": False}),
    ("depthwise_dilated", 4, 4, 3, {"groups": 4, "dilation": 2, "padding": 2}),
    ("depthwise_twice", 3, 6, 3, {"groups": 3}),
    ("depthwise_5_times", 2, 10, 2, {"groups": 2, "stride": 2}),
    ("one_channel", 1, 3, 3, {"padding": 1}),
]

FORWARD = [
    Case(f"{space}d_{name}", _module(CONV, space, i, o, k, **options), _x(i, space))
    for space in (1, 2, 3)
    for name, i, o, k, options in FORMS
]

TRANSPOSED_FORMS: list[tuple[str, int, int, int, dict[str, Any]]] = [
    ("plain", 3, 5, 3, {}),
    ("pad", 3, 5, 3, {"padding": 1}),
    ("pad_beyond", 3, 5, 3, {"padding": 3}),
    ("stride", 3, 5, 3, {"stride": 2}),
    ("stride_pad", 3, 5, 3, {"stride": 2, "padding": 1}),
    ("stride_pad_out", 3, 5, 3, {"stride": 2, "padding": 1, "output_padding": 1}),
    ("stride_out", 3, 5, 3, {"stride": 3, "output_padding": 2}),
    ("double", 3, 5, 4, {"stride": 2, "padding": 1}),
    ("double_2", 3, 5, 2, {"stride": 2, "bias": False}),
    ("apart", 3, 5, 2, {"stride": 3, "output_padding": 1}),
    ("pointwise_stride", 3, 5, 1, {"stride": 2}),
    ("dilation", 3, 5, 3, {"dilation": 2}),
    ("dilation_stride", 3, 5, 3, {"dilation": 2, "stride": 2, "padding": 1}),
    ("dilation_out", 3, 5, 2, {"dilation": 3, "output_padding": 2}),
    ("dilation_stride_out", 3, 5, 2, {"dilation": 3, "stride": 2, "output_padding": 2}),
    ("groups", 4, 6, 3, {"groups": 2, "stride": 2, "padding": 1}),
    ("groups_stride_1", 4, 6, 3, {"groups": 2, "padding": 1, "bias": False}),
    ("groups_out", 4, 6, 2, {"groups": 2, "stride": 3, "output_padding": 2}),
    ("groups_dilation", 4, 6, 3, {"groups": 2, "stride": 2, "dilation": 2, "output_padding": 1}),
    ("depthwise", 4, 4, 4, {"groups": 4, "stride": 2, "padding": 1}),
    ("depthwise_twice", 3, 6, 3, {"groups": 3, "stride": 2}),
    ("depthwise_wide", 3, 3, 8, {"groups": 3, "stride": 4, "padding": 2}),
    ("depthwise_pad_beyond", 3, 3, 2, {"groups": 3, "stride": 2, "padding": 3}),
]

BACKWARD = [
    Case(f"{space}d_{name}", _module(TRANSPOSED, space, i, o, k, **options), _x(i, space))
    for space in (1, 2, 3)
    for name, i, o, k, options in TRANSPOSED_FORMS
]


def _w(*shape: int) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape)


MIXED = [
    Case("unbatched_1d", _module(CONV, 1, 3, 5, 3), (torch.randn(3, 11),)),
    Case("unbatched_2d", _module(CONV, 2, 3, 5, 3, padding=1), (torch.randn(3, 9, 8),)),
    Case("unbatched_3d", _module(CONV, 3, 3, 5, 3), (torch.randn(3, 6, 7, 5),)),
    Case("unbatched_transposed", _module(TRANSPOSED, 2, 3, 5, 3, 2), (torch.randn(3, 4, 5),)),
    Case("per_side", nn.Conv2d(3, 4, (1, 7), padding=(0, 3), stride=(2, 1), dilation=(3, 1)), _x(3, 2)),
    Case("transposed_per_side", nn.ConvTranspose2d(3, 4, (4, 3), (2, 1), (1, 0), (1, 0)), _x(3, 2)),
    Case("transposed_groups_per_side", nn.ConvTranspose2d(4, 4, (4, 3), (2, 3), (1, 0), groups=2), _x(4, 2)),
    Case("3d_planes", nn.Conv3d(3, 4, (1, 3, 3), padding=(0, 1, 1), stride=(2, 1, 1)), _x(3, 3)),
    Case("3d_planes_padded", nn.Conv3d(3, 4, (1, 3, 3), padding=(1, 0, 1)), _x(3, 3)),
    Case("3d_columns", nn.Conv3d(4, 4, (3, 2, 1), padding=(1, 0, 0), stride=(2, 1, 1)), _x(4, 3)),
    Case("3d_columns_groups", nn.Conv3d(4, 4, (3, 3, 1), padding=(1, 1, 0), groups=2), _x(4, 3)),
    Case("3d_depth", nn.Conv3d(3, 4, (3, 1, 1), padding=(1, 0, 0), stride=(2, 1, 1)), _x(3, 3)),
    Case("3d_depth_depthwise", nn.Conv3d(3, 3, (3, 1, 1), padding=(1, 0, 0), groups=3, dilation=(2, 1, 1)), _x(3, 3)),
    Case("3d_depth_strided_plane", nn.Conv3d(3, 4, (3, 1, 1), stride=(1, 2, 2)), _x(3, 3)),
    Case("computed_weights", F.conv2d, (*_x(4, 2), _w(6, 4, 3, 3), _w(6))),
    Case("computed_weights_groups", lambda x, w: F.conv2d(x, w, padding=1, groups=2), (*_x(4, 2), _w(6, 2, 3, 3))),
    Case("computed_weights_depthwise", lambda x, w: F.conv2d(x, w, groups=4), (*_x(4, 2), _w(4, 1, 3, 3))),
    Case("computed_weights_1d", F.conv1d, (*_x(4, 1), _w(6, 4, 3), _w(6))),
    Case("computed_weights_3d", lambda x, w: F.conv3d(x, w, stride=2), (*_x(3, 3), _w(5, 3, 3, 2, 2))),
    Case("computed_weights_3d_groups", lambda x, w: F.conv3d(x, w, groups=2), (*_x(4, 3), _w(4, 2, 2, 2, 2))),
    Case("computed_weights_transposed", lambda x, w: F.conv_transpose2d(x, w, stride=2), (*_x(4, 2), _w(4, 3, 3, 3))),
    Case(
        "computed_weights_transposed_dilated",
        lambda x, w: F.conv_transpose2d(x, w, stride=2, dilation=2),
        (*_x(4, 2), _w(4, 3, 3, 3)),
    ),
    Case(
        "computed_weights_transposed_groups",
        lambda x, w: F.conv_transpose2d(x, w, stride=2, groups=2),
        (*_x(4, 2), _w(4, 3, 3, 3)),
    ),
    Case("cross_correlation", lambda x, z: F.conv2d(x, z.view(4, 1, 3, 3), groups=4), (*_x(4, 2, 1), _w(1, 4, 3, 3))),
    Case(
        "core",
        lambda x, w: torch.convolution(x, w, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1),
        (*_x(4, 2), _w(6, 4, 3, 3)),
    ),
    Case(
        "core_transposed",
        lambda x, w: torch.convolution(x, w, None, [2, 2], [1, 1], [1, 1], True, [1, 1], 1),
        (*_x(4, 2), _w(4, 6, 3, 3)),
    ),
    Case("tbc", lambda x, w, bias: torch.conv_tbc(x, w, bias, 1), (_w(7, 2, 3), _w(3, 3, 4), _w(4))),
    Case("half", nn.Conv2d(3, 4, 3).half(), (torch.randn(1, 3, 5, 5).half(),)),
    # The forms.
    Case(
        "same_is_one_op",
        nn.Conv2d(3, 4, 3, padding=1),
        _x(3, 2),
        ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE"],
    ),
    Case(
        "uneven_is_padded",
        nn.Conv2d(3, 4, 3, padding=1, stride=2),
        (torch.randn(1, 3, 8, 8),),
        ops=["TRANSPOSE", "PAD", "CONV_2D", "TRANSPOSE"],
    ),
    Case(
        "transposed_same",
        nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1),
        _x(3, 2),
        ops=["TRANSPOSE", *["PAD", "CONV_2D"] * 3, "CONV_2D", "CONCATENATION", "DEPTH_TO_SPACE", "TRANSPOSE"],
    ),
    Case(
        "transposed_crop",
        nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1),
        _x(3, 2),
        ops=["TRANSPOSE", *["CONV_2D"] * 4, "CONCATENATION", "DEPTH_TO_SPACE", "TRANSPOSE"],
    ),
    Case(
        "transposed_stride_1",
        nn.ConvTranspose2d(3, 4, 3, padding=1),
        _x(3, 2),
        ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE"],
    ),
    Case(
        "transposed_depthwise",
        nn.ConvTranspose2d(3, 3, 2, stride=2, groups=3),
        _x(3, 2),
        ops=["TRANSPOSE", *["DEPTHWISE_CONV_2D"] * 4, "CONCATENATION", "DEPTH_TO_SPACE", "TRANSPOSE"],
    ),
]


@cases(FORWARD)
def test_convolutions(case: Case) -> None:
    check(case)


@cases(BACKWARD)
def test_transposed_convolutions(case: Case) -> None:
    check(case)


@cases(MIXED)
def test_forms_of_convolutions(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("overload", ["default", "deprecated"])
def test_convolution_with_backend_flags(overload: str) -> None:
    """The forms that TorchScript has; torch.export does not make them of itself."""
    w = _w(4, 3, 3, 3)
    call = getattr(torch.ops.aten._convolution, overload)
    flags = [False] * (4 if overload == "default" else 3)
    check(Case("flags", lambda x: call(x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, *flags), _x(3, 2)))
