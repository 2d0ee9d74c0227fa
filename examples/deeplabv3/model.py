"""A factory that loads its own weights (here: seeds them), so that it is all that liteport needs."""

from __future__ import annotations

from torch import nn

from examples.support.torchvision_cpu import torchvision
from examples.support.weights import seeded


def deeplabv3() -> nn.Module:
    """Images [N,3,H,W] to {"out": scores [N,21,H,W]}."""
    make = torchvision.models.segmentation.deeplabv3_mobilenet_v3_large
    return seeded(lambda: make(weights=None, weights_backbone=None))
