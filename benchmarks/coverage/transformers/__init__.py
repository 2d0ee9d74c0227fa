"""Architectures of Hugging Face transformers, with small configurations: every part of each is there, once or twice."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from benchmarks.coverage.transformers.other import AUDIO, IMAGE_AND_TEXT, OTHER
from benchmarks.coverage.transformers.shared import Settings
from benchmarks.coverage.transformers.text import DECODERS, ENCODER_DECODERS, ENCODERS
from benchmarks.coverage.transformers.vision import DEPTH, DETECTION, SEGMENTATION, VISION_MODELS
from benchmarks.network import Network, Table

FAMILIES = (
    ENCODERS,
    DECODERS,
    ENCODER_DECODERS,
    VISION_MODELS,
    DETECTION,
    SEGMENTATION,
    DEPTH,
    AUDIO,
    IMAGE_AND_TEXT,
    OTHER,
)


def _make(architecture: str, settings: Settings) -> nn.Module:
    """The architecture's class on its own configuration."""
    from examples.support.torchvision_cpu import torchvision  # noqa: F401  transformers imports it

    import transformers  # isort: skip

    made = {name: _configured(transformers, value) for name, value in settings.items()}
    model: Any = getattr(transformers, architecture)
    network: nn.Module = model(model.config_class(**made))
    return network


def _configured(library: Any, value: Any) -> Any:
    """A setting, with the configuration made where it is one."""
    if not isinstance(value, tuple) or not str(value[0]).endswith("Config"):
        return value
    return getattr(library, value[0])(**{name: _configured(library, v) for name, v in value[1].items()})


NETWORKS: Table = {
    name: Network(partial(_make, architecture, settings), kwargs=inputs)
    for family in FAMILIES
    for name, (architecture, settings, inputs) in family.items()
}
