"""Every float network of torchvision, smallest first: classification, segmentation, video, optical flow, detection."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.network import Network, Table, noise

CLASSIFICATION = (
    "squeezenet1_1",
    "squeezenet1_0",
    "shufflenet_v2_x0_5",
    "mnasnet0_5",
    "shufflenet_v2_x1_0",
    "mobilenet_v3_small",
    "mnasnet0_75",
    "shufflenet_v2_x1_5",
    "mobilenet_v2",
    "regnet_y_400mf",
    "mnasnet1_0",
    "efficientnet_b0",
    "mobilenet_v3_large",
    "regnet_x_400mf",
    "mnasnet1_3",
    "regnet_y_800mf",
    "regnet_x_800mf",
    "shufflenet_v2_x2_0",
    "efficientnet_b1",
    "densenet121",
    "efficientnet_b2",
    "regnet_x_1_6gf",
    "regnet_y_1_6gf",
    "resnet18",
    "efficientnet_b3",
    "googlenet",
    "densenet169",
    "regnet_x_3_2gf",
    "efficientnet_b4",
    "regnet_y_3_2gf",
    "densenet201",
    "efficientnet_v2_s",
    "resnet34",
    "resnext50_32x4d",
    "resnet50",
    "inception_v3",
    "swin_t",
    "swin_v2_t",
    "convnext_tiny",
    "densenet161",
    "efficientnet_b5",
    "maxvit_t",
    "regnet_y_8gf",
    "regnet_x_8gf",
    "efficientnet_b6",
    "resnet101",
    "swin_s",
    "swin_v2_s",
    "convnext_small",
    "efficientnet_v2_m",
    "regnet_x_16gf",
    "resnet152",
    "alexnet",
    "efficientnet_b7",
    "wide_resnet50_2",
    "resnext101_64x4d",
    "regnet_y_16gf",
    "vit_b_16",
    "swin_b",
    "swin_v2_b",
    "vit_b_32",
    "convnext_base",
    "resnext101_32x8d",
    "regnet_x_32gf",
    "efficientnet_v2_l",
    "wide_resnet101_2",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "regnet_y_32gf",
    "convnext_large",
    "vit_l_16",
    "vit_l_32",
    "vit_h_14",
    "regnet_y_128gf",
)
SEGMENTATION = (
    "lraspp_mobilenet_v3_large",
    "deeplabv3_mobilenet_v3_large",
    "fcn_resnet50",
    "deeplabv3_resnet50",
    "fcn_resnet101",
    "deeplabv3_resnet101",
)
VIDEO = ("s3d", "mc3_18", "swin3d_t", "r2plus1d_18", "r3d_18", "mvit_v2_s", "mvit_v1_b", "swin3d_s", "swin3d_b")
OPTICAL_FLOW = ("raft_small", "raft_large")
DETECTION = (
    "ssdlite320_mobilenet_v3_large",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fcos_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "ssd300_vgg16",
    "retinanet_resnet50_fpn_v2",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2",
    "keypointrcnn_resnet50_fpn",
)

IMAGE = (1, 3, 224, 224)
CLASSES = 6
SIZES = {"inception_v3": (1, 3, 299, 299)}
CLIPS = dict.fromkeys(("mc3_18", "r3d_18", "r2plus1d_18"), (1, 3, 16, 112, 112))  # all others: 224 x 224


class OneImage(nn.Module):
    """A detector, which takes a list of images and returns a list of dicts, on one image."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return self.detector([image])[0]


def _make(name: str, **options: Any) -> nn.Module:
    from examples.support.torchvision_cpu import torchvision

    return torchvision.models.get_model(name, weights=None, **options)


def _detector(name: str) -> nn.Module:
    """The detector with few classes, any score let through, and heads that tell boxes apart: new ones give scores that
    are alike within a rounding, so that their order says nothing, and too low for a single detection."""
    detector: Any = _make(name, weights_backbone=None, num_classes=CLASSES)
    getattr(detector, "roi_heads", detector).score_thresh = 0.0
    with torch.no_grad():
        for part, parameter in detector.named_parameters():
            if part.endswith("cls_logits.weight"):
                parameter *= 10
    return OneImage(detector)


def _two_frames() -> tuple[Tensor, Tensor]:
    return torch.randn(1, 3, 128, 128), torch.randn(1, 3, 128, 128)


def _networks(names: tuple[str, ...], make: Callable[..., nn.Module], inputs: Callable[[str], Any]) -> Table:
    return {name: Network(partial(make, name), inputs(name)) for name in names}


NETWORKS: Table = {
    **_networks(CLASSIFICATION, _make, lambda name: noise(*SIZES.get(name, IMAGE))),
    **_networks(SEGMENTATION, partial(_make, weights_backbone=None), lambda _: noise(*IMAGE)),
    **_networks(VIDEO, _make, lambda name: noise(*CLIPS.get(name, (1, 3, 16, 224, 224)))),
    **_networks(OPTICAL_FLOW, _make, lambda _: _two_frames),
    **_networks(DETECTION, _detector, lambda _: noise(3, 320, 320)),
}
