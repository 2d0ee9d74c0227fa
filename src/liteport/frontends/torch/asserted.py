"""Checks of tensors' values in a forward: `assert (x >= 0).all()`, `if x.isnan().any(): raise ValueError`.

torch.export cannot tell which way the code goes. But of two ways of which one ends in an exception, networks take the
other, and a check computes nothing: a file needs none of it.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_LIBRARY = str(Path(torch.__file__).parent)
_JUMPS = frozenset((*dis.hasjrel, *dis.hasjabs))


class Asserted(TorchFunctionMode):
    """Within it, a tensor that Python takes for a bool, to jump past a `raise` or to it, lets it jump past."""

    def __torch_function__(
        self, func: Any, types: Iterable[Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.Tensor.__bool__ and getattr(args[0], "constant", None) is None:
            answer = _past_the_raise(_caller())
            if answer is not None:
                return answer
        return func(*args, **(kwargs or {}))


def _caller() -> FrameType | None:
    """The innermost frame that is neither PyTorch's nor of this file."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and (frame.f_code.co_filename == __file__ or _is_pytorchs(frame)):
        frame = frame.f_back
    return frame


def _is_pytorchs(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_LIBRARY)


def _past_the_raise(frame: FrameType | None) -> bool | None:
    """What a value must be for the jump at which the frame stands to avoid an exception; None at any other."""
    if frame is None:
        return None
    instructions = list(dis.get_instructions(frame.f_code))
    at = next(i for i, instruction in enumerate(instructions) if instruction.offset == frame.f_lasti)
    jump = instructions[at]
    if not jump.opname.startswith("POP_JUMP") or not jump.opname.endswith(("IF_TRUE", "IF_FALSE")):
        return None
    jumps_if = jump.opname.endswith("IF_TRUE")
    there = next(i for i, instruction in enumerate(instructions) if instruction.offset == jump.argval)
    if _raises(instructions, at + 1):
        return jumps_if
    return not jumps_if if _raises(instructions, there) else None


def _raises(instructions: list[dis.Instruction], start: int) -> bool:
    """Whether what stands from `start` on leads to an exception without another jump."""
    for instruction in instructions[start:]:
        if instruction.opname == "RAISE_VARARGS":
            return True
        if instruction.opcode in _JUMPS or instruction.opname == "RETURN_VALUE":
            return False
    return False
