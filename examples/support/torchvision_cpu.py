"""`from examples.support.torchvision_cpu import torchvision`: torchvision beside any build of PyTorch.

PyPI's torchvision is compiled for PyTorch's CUDA build. Beside the CPU build its library does not load, and
`import torchvision` fails: it describes operators that nobody has defined. They are declared here, with kernels
in plain PyTorch, so that detection networks run too. Where the library does load, this is a plain import.
timm imports torchvision, so import this module before timm.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import torch

from examples.support import torchvision_kernels as kernels

_ROI = "Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width"
_OPERATORS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align": f"({_ROI}, int sampling_ratio, bool aligned) -> Tensor",
    "ps_roi_align": f"({_ROI}, int sampling_ratio) -> (Tensor, Tensor)",
    "roi_pool": f"({_ROI}) -> (Tensor, Tensor)",
    "deform_conv2d": "(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, "
    "SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, "
    "SymInt offset_groups, bool use_mask) -> Tensor",
}


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


def _complete() -> None:
    """Gives the declared operators the shapes that torchvision describes, and kernels; torchvision believes in them."""
    described = sys.modules["torchvision._meta_registrations"]
    for name in _OPERATORS:
        if name not in ("nms", "qnms"):  # these two are described in any case
            torch.library.register_fake(f"torchvision::{name}", getattr(described, f"meta_{name}"))
        if hasattr(kernels, name):
            declarations.impl(name, getattr(kernels, name), "CPU")
    for module in ("torchvision.extension", "torchvision.ops.roi_align"):
        vars(sys.modules[module])["_has_ops"] = lambda: True


_loaded = _library_loads()
if not _loaded:
    declarations = torch.library.Library("torchvision", "DEF")
    for operator, schema in _OPERATORS.items():
        declarations.define(operator + schema)

import torchvision  # noqa: E402

if not _loaded:
    _complete()

__all__ = ["torchvision"]
