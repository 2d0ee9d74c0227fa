"""Where in the user's code an ATen node came from: module path and line."""

from __future__ import annotations

import re
from pathlib import PurePath

from torch.fx import Node

from liteport.ir.types import Source

OWNER = "owner_of_method"
"""Where an entry point that is a method keeps the module that it belongs to; no part of any path."""

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
_LIBRARY = ("/torch/nn/", "/torch/ao/", "/torch/_", "/torch/utils/", "/torch/functional.py")


def source_of(node: Node) -> Source:
    """The innermost module and the last line of the user's own code (not PyTorch's) that made `node`."""
    stack = node.meta.get("nn_module_stack") or {}
    path = next((p for p, _ in reversed(list(stack.values())) if p), "")
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    own = [f for f in frames if not any(part in f[0] for part in _LIBRARY)] or frames
    place = f"{PurePath(own[-1][0]).name}:{own[-1][1]}" if own else ""
    return Source(path.removeprefix(OWNER).removeprefix("."), place)
