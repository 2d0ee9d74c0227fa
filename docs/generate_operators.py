"""Writes docs/operators.md from the code: what PyTorch operators are lowered, and what each TFLite operator takes.

python -m docs.generate_operators
"""

from __future__ import annotations

import inspect
import json
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
DATA = Path(__file__).parent / "data" / "op_db.json"

INTRODUCTION = """\
# Operators

Generated from the code by `python -m docs.generate_operators`; a test holds it up to date.

## From PyTorch

Every ATen overload that has a lowering, by family. An in-place variant (`relu_`) takes the lowering of its functional
twin, and an operator without one is decomposed by PyTorch's own table where that leads to operators that have. What
remains ends the conversion, with all such operators at once.
"""

SAMPLES = """
## PyTorch's own samples

`torch.testing._internal` has samples for every operator. Each of those below was converted, run in LiteRT with its
default delegate and compared with PyTorch's result (2e-6 of the largest magnitude, integers exactly): how many samples
passed, of how many that were tried, spread evenly over PyTorch's list. Complex results count as pairs of numbers.
Samples on which PyTorch itself fails, that take complex numbers, or that torch.export refuses because a size or a
branch depends on data do not count.
`python -m tests.conformance` makes the table's data, `docs/data/op_db.json`, anew; a type that has not been tried is
left blank.

| operator | float32 | int64 | bool | float16 | what does not pass |
|---|---|---|---|---|---|
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
    return INTRODUCTION + "".join(_families()) + SAMPLES + "".join(_samples()) + TFLITE + "".join(_rows())


def _families() -> Iterator[str]:
    """A section for each file of lowerings: what it says of itself, and its overloads."""
    for info in sorted(iter_modules(families.__path__), key=lambda i: i.name):
        family = import_module(f"{families.__name__}.{info.name}")
        names = sorted(_name(target) for target in getattr(family, "LOWERINGS", {}))
        if names:
            about = (inspect.getdoc(family) or "").partition("\n")[0]
            yield f"\n### {info.name.replace('_', ' ')}\n\n{about}\n\n{', '.join(f'`{name}`' for name in names)}\n"


def _name(target: Any) -> str:
    """relu for aten.relu.default, add.Tensor for aten.add.Tensor; other namespaces in full."""
    if isroutine(target) and not hasattr(target, "_schema"):
        return str(target.__name__)  # a function of Python's, on numbers
    return str(target).removeprefix("aten.").removesuffix(".default")


def _samples() -> Iterator[str]:
    """A row for each operator of op_db: what passed by type, and why what did not."""
    for name, entry in json.loads(DATA.read_text()).items():
        if isinstance(entry, str):
            yield f"| `{name}` | | | | | out of scope: {entry} |\n"
            continue
        cells = [_passed(entry.get(dtype)) for dtype in ("float32", "int64", "bool", "float16")]
        reasons = sorted({reason for tally in entry.values() for reason in tally["failures"]})
        yield f"| `{name}` | {' | '.join(cells)} | {'; '.join(map(_shortened, reasons[:2]))} |\n"


def _passed(tally: Any) -> str:
    count = tally["passed"] + sum(map(len, tally["failures"].values())) if tally else 0
    return f"{tally['passed']}/{count}" if count else ""


def _shortened(reason: str) -> str:
    """A reason without the summary's first line, the places in the samples and what would break the table."""
    plain = reason.removeprefix("UnsupportedError: 1 operator cannot be converted: | ").partition("  x1")[0]
    return plain.replace("|", ";").replace("<", "").replace(">", "")[:120]


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
