"""What --model names: timm builds the network, --model-args chooses the number of classes."""

from __future__ import annotations

from torch import nn

import examples.support.torchvision_cpu  # noqa: F401  (timm imports torchvision)


def efficientnet_b3(classes: int = 1000) -> nn.Module:
    """EfficientNet-B3 for images [N,3,288,288]."""
    import timm

    return timm.create_model("efficientnet_b3", pretrained=False, num_classes=classes)
