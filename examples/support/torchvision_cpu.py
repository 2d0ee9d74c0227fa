"""`from examples.support.torchvision_cpu import torchvision`: torchvision beside any build of PyTorch.

PyPI's torchvision is compiled for PyTorch's CUDA build. Beside the CPU build its library does not load, and
`import torchvision` fails: it describes two operators that nobody has defined. They are declared here, so
that the import succeeds; no classification or segmentation network calls them. Where the library does
load, this is a plain import. timm imports torchvision, so import this module before timm.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch


def _library_loads() -> bool:
    """Whether torchvision's compiled operators fit the PyTorch that is installed."""
    spec = find_spec("torchvision")
    if spec is None or not spec.origin:
        raise ModuleNotFoundError("torchvision is not installed: pip install -c constraints.txt -e '.[dev]'")
    libraries = Path(spec.origin).parent.glob("_C*.*")
    try:
        for library in libraries:
            torch.ops.load_library(library)
    except OSError:
        return False
    return True


if not _library_loads():
    declarations = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        declarations.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import torchvision  # noqa: E402

__all__ = ["torchvision"]
