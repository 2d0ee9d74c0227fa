"""Pixel and channel shuffles, fold and unfold."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.harness import Case, cases, check


def _x(*shape: int) -> tuple[torch.Tensor]:
    return (torch.randn(*shape),)


def _i(*shape: int) -> tuple[torch.Tensor]:
    return (torch.randint(-9, 9, shape),)


CASES = [
    Case("shuffle", nn.PixelShuffle(2), _x(2, 12, 3, 4)),
    Case("shuffle_3", nn.PixelShuffle(3), _x(1, 18, 2, 3)),
    Case("shuffle_1", lambda x: F.pixel_shuffle(x, 1) + 1, _x(1, 4, 2, 3), ops=["ADD"]),
    Case("shuffle_unbatched", nn.PixelShuffle(2), _x(8, 3, 4)),
    Case("shuffle_video", nn.PixelShuffle(2), _x(2, 3, 8, 3, 4)),
    Case("shuffle_int64", nn.PixelShuffle(2), _i(2, 8, 3, 4)),
    Case("unshuffle", nn.PixelUnshuffle(2), _x(2, 3, 6, 4)),
    Case("unshuffle_3", nn.PixelUnshuffle(3), _x(1, 2, 6, 3)),
    Case("unshuffle_unbatched", nn.PixelUnshuffle(2), _x(3, 6, 4)),
    Case("unshuffle_video", nn.PixelUnshuffle(2), _x(2, 3, 2, 6, 4)),
    Case("there_and_back", lambda x: F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2), _x(1, 8, 3, 4)),
    Case("channels", nn.ChannelShuffle(2), _x(2, 6, 3, 4)),
    Case("channels_3", nn.ChannelShuffle(3), _x(2, 12, 3)),
    Case("channels_3d", nn.ChannelShuffle(2), _x(2, 4, 3, 2, 2)),
    Case("channels_core", lambda x: torch.ops.aten.native_channel_shuffle(x, 2), _x(2, 6, 3, 4)),
    Case("op_channels", nn.ChannelShuffle(2), _x(2, 6, 3, 4), ops=["GATHER"]),
    Case("op_channels_nothing", lambda x: F.channel_shuffle(x, 6) + 1, _x(2, 6, 3, 4), ops=["ADD"]),
    Case("op_one_channel", nn.PixelShuffle(2), _x(1, 4, 3, 4), ops=["TRANSPOSE", "DEPTH_TO_SPACE", "RESHAPE"]),
    Case(
        "conv_and_shuffle",
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.PixelShuffle(2), nn.Conv2d(2, 4, 3)),
        _x(1, 3, 5, 6),
    ),
    Case(
        "unshuffle_and_conv",
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.PixelUnshuffle(2), nn.Conv2d(16, 4, 3)),
        _x(1, 3, 6, 8),
    ),
    Case("unfold", lambda x: F.unfold(x, 3), _x(2, 3, 5, 6)),
    Case("unfold_all", lambda x: F.unfold(x, (3, 2), dilation=(1, 2), padding=(2, 1), stride=(2, 1)), _x(2, 3, 6, 5)),
    Case("unfold_unbatched", lambda x: F.unfold(x, 2, stride=2), _x(3, 6, 4)),
    Case("unfold_module", nn.Unfold(3, padding=1), _x(1, 2, 4, 4)),
    Case("fold", lambda x: F.fold(x, (5, 6), 3), _x(2, 27, 12)),
    Case("fold_apart", lambda x: F.fold(x, (6, 4), 2, stride=2), _x(2, 12, 6)),
    Case("fold_gaps", lambda x: F.fold(x, (7, 8), 2, stride=3), _x(1, 8, 6)),
    Case(
        "fold_all", lambda x: F.fold(x, (6, 5), (3, 2), dilation=(1, 2), padding=(2, 1), stride=(2, 1)), _x(2, 18, 20)
    ),
    Case("fold_unbatched", lambda x: F.fold(x, (6, 4), 2, stride=2), _x(12, 6)),
    Case("unfold_and_fold", lambda x: F.fold(F.unfold(x, 3, padding=1), (5, 6), 3, padding=1), _x(1, 3, 5, 6)),
]


@cases(CASES)
def test_pixel(case: Case) -> None:
    check(case)
