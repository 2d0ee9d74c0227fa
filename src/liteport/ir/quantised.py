"""What a model was quantised to, as a note in a file's metadata: the file's own types do not say what it came from."""

from __future__ import annotations

from liteport.ir.graph import Module

KEY = "liteport.quantization"


def mark(module: Module, mode: str) -> None:
    """Notes that the module was quantised by liteport, and how: "fp16", "dynamic" or "int8"."""
    module.metadata[KEY] = mode.encode()


def marked(module: Module) -> str:
    """How the module was quantised by liteport; "" where it was not."""
    return module.metadata.get(KEY, b"").decode(errors="replace")
