"""Functions of libraries, replaced for a while by others that torch.export can follow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Function = Callable[..., Any]


@contextmanager
def replaced(functions: Mapping[Function, Function]) -> Iterator[None]:
    """Inside, every module that knows one of the functions, the user's own included, has its replacement instead."""
    changed: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for names, name, original in _places(functions):
            changed.append((names, name, original))
            names[name] = functions[original]
        yield
    finally:
        for names, name, original in changed:
            names[name] = original


def _places(functions: Mapping[Function, Function]) -> list[tuple[dict[str, Any], str, Function]]:
    """Every module's names, that by which it knows one of the functions, and the function."""
    wanted = {id(function): function for function in functions}
    spaces = [getattr(module, "__dict__", {}) for module in list(sys.modules.values())] if wanted else []
    return [(names, n, wanted[id(v)]) for names in spaces for n, v in list(names.items()) if id(v) in wanted]
