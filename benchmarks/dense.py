"""Networks whose time goes into forms that converters seldom choose: decoders, generators, large depthwise windows."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (over `stride`), a batch norm and SiLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.SiLU())


class _Double(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        super().__init__(*layers)


class UNet(nn.Module):
    """Images [N,3,H,W] to scores [N,2,H,W]: four times down by pools and up by transposed convolutions."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        pairs = list(pairwise(widths))
        self.first = _Double(3, width)
        self.down = nn.ModuleList(_Double(narrow, wide) for narrow, wide in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 2, 2) for narrow, wide in reversed(pairs))
        self.join = nn.ModuleList(_Double(wide, narrow) for narrow, wide in reversed(pairs))
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = [self.first(x)]
        for down in self.down:
            kept.append(down(nn.functional.max_pool2d(kept[-1], 2)))
        x = kept.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([kept.pop(), up(x)], 1))
        return self.head(x)


class Generator(nn.Sequential):
    """DCGAN's: noise [N,100,1,1] to images [N,3,64,64], by transposed convolutions alone."""

    def __init__(self, width: int = 64) -> None:
        widths = [8 * width, 4 * width, 2 * width, width]
        layers: list[nn.Module] = [nn.ConvTranspose2d(100, widths[0], 4, bias=False)]
        for wide, narrow in pairwise(widths):
            layers += [nn.BatchNorm2d(wide), nn.ReLU(), nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh()]
        super().__init__(*layers)


class _Mixer(nn.Module):
    """A residual block around a depthwise 7x7."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _conv(channels, channels, 3, groups=channels),
            _conv(channels, 2 * channels, 1),
            _conv(2 * channels, 2 * channels, 7, groups=2 * channels),
            _conv(2 * channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class _Pools(nn.Module):
    """Spatial pyramid pooling: maxima over 5, 9 and 13 places, side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow, self.join = _conv(channels, channels // 2, 1), _conv(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.narrow(x)]
        for _ in range(3):
            parts.append(nn.functional.max_pool2d(parts[-1], 5, 1, 2))
        return self.join(torch.cat(parts, 1))


class Detector(nn.Module):
    """A detector in YOLO's way on depthwise 7x7 windows: an image [N,3,H,W] to maps at 1/8, 1/16 and 1/32."""

    def __init__(self, width: int = 16, outputs: int = 85) -> None:
        super().__init__()
        w = [width * 2**level for level in range(5)]
        self.stem = nn.Sequential(_conv(3, w[0], 3, 2), _conv(w[0], w[1], 3, 2), _Mixer(w[1]))
        self.down = nn.ModuleList(
            nn.Sequential(_conv(narrow, wide, 3, 2), _Mixer(wide), _Mixer(wide)) for narrow, wide in pairwise(w[1:])
        )
        self.pools = _Pools(w[4])
        self.up = nn.ModuleList([_conv(w[4] + w[3], w[3], 1), _conv(w[3] + w[2], w[2], 1)])
        self.mix = nn.ModuleList([_Mixer(w[3]), _Mixer(w[2])])
        self.heads = nn.ModuleList(nn.Conv2d(c, outputs, 1) for c in w[2:])

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        x = self.stem(x)
        for down in self.down:
            x = down(x)
            maps.append(x)
        found = [self.pools(maps.pop())]
        for up, mix in zip(self.up, self.mix, strict=True):
            wide = nn.functional.interpolate(found[0], scale_factor=2.0)
            found.insert(0, mix(up(torch.cat([wide, maps.pop()], 1))))
        return [head(each) for head, each in zip(self.heads, found, strict=True)]


class Conformer(nn.Module):
    """A conformer block on features [N,T,C]: half a feed-forward, attention, a convolution over 31 steps, the other."""

    def __init__(self, channels: int = 256, heads: int = 4) -> None:
        super().__init__()
        self.feed = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(channels), nn.Linear(channels, 4 * channels), nn.SiLU(), nn.Linear(4 * channels, channels)
            )
            for _ in range(2)
        )
        self.attention_norm = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.conv_norm = nn.LayerNorm(channels)
        self.conv = nn.Sequential(
            nn.Conv1d(channels, 2 * channels, 1),
            nn.GLU(1),
            nn.Conv1d(channels, channels, 31, padding=15, groups=channels),
            nn.BatchNorm1d(channels),
            nn.SiLU(),
            nn.Conv1d(channels, channels, 1),
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.feed[0](x) / 2
        normed = self.attention_norm(x)
        x = x + self.attention(normed, normed, normed, need_weights=False)[0]
        x = x + self.conv(self.conv_norm(x).mT).mT
        return self.norm(x + self.feed[1](x) / 2)
