"""The networks of the benchmark, with seeded random weights, and their inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from examples.support.weights import seeded


@dataclass(frozen=True)
class Network:
    """How to build a network, and the shape of the one image that it takes."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = (1, 3, 224, 224)

    def build(self) -> nn.Module:
        return seeded(self.make)

    def samples(self, count: int, seed: int = 0) -> list[Tensor]:
        """`count` inputs of standard-normal noise, always the same."""
        draw = torch.Generator().manual_seed(seed)
        return [torch.randn(self.shape, generator=draw) for _ in range(count)]


def _torchvision(name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        from examples.support.torchvision_cpu import torchvision

        return torchvision.models.get_model(name, weights=None)

    return make


def _efficientnet_b3() -> nn.Module:
    from examples.efficientnet_b3.model import efficientnet_b3

    return efficientnet_b3()


def _lprnet() -> nn.Module:
    from examples.lprnet.model import LPRNet

    return LPRNet()


NETWORKS = {
    "mobilenet_v2": Network(_torchvision("mobilenet_v2")),
    "efficientnet_b3": Network(_efficientnet_b3, (1, 3, 288, 288)),
    "lprnet": Network(_lprnet, (1, 3, 24, 94)),
    "shufflenet_v2_x1_0": Network(_torchvision("shufflenet_v2_x1_0")),
    "densenet121": Network(_torchvision("densenet121")),
    "mobilenet_v3_large": Network(_torchvision("mobilenet_v3_large")),
    "resnet50": Network(_torchvision("resnet50")),
}
