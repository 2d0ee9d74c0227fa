"""liteport carries a trained model to TFLite (LiteRT) and proves that it arrived intact.

import liteport
liteport.convert(module, (x,)).save("m.tflite")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from liteport.errors import (
    InputError,
    InvalidGraphError,
    LiteportError,
    UnsafeFileError,
    UnsupportedError,
    UsageError,
    VerificationError,
    WeightsError,
)

if TYPE_CHECKING:
    from liteport.api import convert, decoder, inspect, load, profile, tune_kit, verify
    from liteport.check.compare import Verification
    from liteport.check.inspection import Inspection
    from liteport.check.profile import Profile
    from liteport.model import LiteModel
    from liteport.to_onnx import export_onnx

__all__ = [
    "InputError",
    "Inspection",
    "InvalidGraphError",
    "LiteModel",
    "LiteportError",
    "Profile",
    "UnsafeFileError",
    "UnsupportedError",
    "UsageError",
    "Verification",
    "VerificationError",
    "WeightsError",
    "convert",
    "decoder",
    "export_onnx",
    "inspect",
    "load",
    "profile",
    "stages",
    "tune_kit",
    "verify",
]

# Imported when they are first used: LiteRT, SciPy and the operators take time that --help and errors do not need.
_HOMES = {
    "convert": "liteport.api",
    "decoder": "liteport.api",
    "export_onnx": "liteport.to_onnx",
    "inspect": "liteport.api",
    "load": "liteport.api",
    "profile": "liteport.api",
    "stages": "liteport.chain",
    "tune_kit": "liteport.api",
    "verify": "liteport.api",
    "Inspection": "liteport.check.inspection",
    "LiteModel": "liteport.model",
    "Profile": "liteport.check.profile",
    "Verification": "liteport.check.compare",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("liteport")
    if name not in _HOMES:
        raise AttributeError(f"module 'liteport' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
