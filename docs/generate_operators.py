"""Writes docs/operators.md from the code: what PyTorch operators are lowered, and what each TFLite operator takes.

python -m docs.generate_operators
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from inspect import isroutine
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from liteport.frontends.torch import ops as families
from liteport.ir import ops
from liteport.ir.ops.base import ANY, Operator
from liteport.ir.types import DType

PAGE = Path(__file__).with_name("operators.md")

INTRODUCTION = """\
# Operators

Generated from the code by `python -m docs.generate_operators`; a test holds it up to date.

## From PyTorch

Every ATen overload that has a lowering, by family. An in-place variant (`relu_`) takes the lowering of its functional
twin, and an operator without one is decomposed by PyTorch's own table where that leads to operators that have. What
remains ends the conversion, with all such operators at once.
"""

TFLITE = """
## Of TFLite

Every operator of the IR: the element types and the highest rank that LiteRT's CPU kernels take for the main input, and
what the kernel computes. liteport casts and reshapes around these limits.

| operator | element types | rank | contract |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(_families()) + TFLITE + "".join(_rows())


def _families() -> Iterator[str]:
    """A section for each file of lowerings: what it says of itself, and its overloads."""
    for info in sorted(iter_modules(families.__path__), key=lambda i: i.name):
        family = import_module(f"{families.__name__}.{info.name}")
        names = sorted(_name(target) for target in getattr(family, "LOWERINGS", {}))
        if names:
            about = (inspect.getdoc(family) or "").partition("\n")[0]
            yield f"\n### {info.name.replace('_', ' ')}\n\n{about}\n\n{', '.join(f'`{name}`' for name in names)}\n"


def _name(target: Any) -> str:
    if isroutine(target) and not hasattr(target, "_schema"):
        return str(target.__name__)  # a function of Python's, on numbers
    return str(target).removeprefix("aten.").removesuffix(".default")


def _rows() -> Iterator[str]:
    classes = {getattr(ops, name) for name in ops.__all__}
    named = [c for c in classes if isinstance(c, type) and issubclass(c, Operator) and c.name]
    for operator in sorted(named, key=lambda c: c.name):
        contract = " ".join((inspect.getdoc(operator) or "").split()).replace("|", r"\|")
        yield f"| `{operator.name}` | {_types(operator.dtypes)} | {operator.max_rank} | {contract} |\n"


def _types(dtypes: frozenset[DType]) -> str:
    return "any" if dtypes == ANY else ", ".join(t.name.lower() for t in DType if t in dtypes)


if __name__ == "__main__":
    PAGE.write_text(page())
