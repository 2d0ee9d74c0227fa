"""Writes docs/onnx-operators.md from the code and a run over the standard's cases: what of ONNX is converted.

python -m docs.generate_onnx_operators
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onnx import defs

from liteport.frontends.onnx.ops import LOWERINGS

PAGE = Path(__file__).with_name("onnx-operators.md")
DATA = Path(__file__).parent / "data" / "onnx_cases.json"

INTRODUCTION = """\
# Operators of ONNX

Generated from the code by `python -m docs.generate_onnx_operators`; a test holds it up to date.

The standard has cases for its operators: a model of one node, or of the function that stands for it, with inputs and
the outputs that are due. Each was converted for the shapes of its inputs, run in LiteRT with its default delegate and
compared as the standard's own runner compares (1e-3 relative, 1e-7 absolute, integers exactly; results in half
precision to the digits that they have). `python -m tests.conformance_onnx` makes the table's data,
`docs/data/onnx_cases.json`, anew.

*Fixed* are cases that pass with parameters fixed: operands that decide shapes (axes, repeats, bounds, sizes), which
the case has as inputs of the model, were given as constants, since TFLite's kernels take no others. In models they
are constants, or come out of the shapes of the inputs.

"""


def page() -> str:
    """The whole page."""
    stored = json.loads(DATA.read_text())
    scope = stored.pop("")
    return INTRODUCTION + "".join((*_summary(stored, scope), *_rows(stored), *_without_cases(stored)))


def _summary(stored: dict[str, Any], scope: dict[str, int]) -> Iterator[str]:
    passed, fixed, failed = (sum(len(row[kind]) for row in stored.values()) for kind in ("passed", "fixed", "failures"))
    count = passed + fixed + failed
    yield f"Of {count} cases, {passed} pass as they are and {fixed} with parameters fixed: {share(stored):.1f} %.\n\n"
    left_out = "; ".join(f"{why} ({number})" for why, number in sorted(scope.items(), key=lambda item: -item[1]))
    yield f"Out of scope are {sum(scope.values())} cases, of {left_out}.\n\n"
    yield "| operator | cases | pass | fixed | what does not pass |\n|---|---|---|---|---|\n"


def share(stored: dict[str, Any]) -> float:
    """How many of a hundred cases pass."""
    good, bad = (sum(len(row[k]) for row in stored.values() for k in kinds) for kinds in (GOOD, ("failures",)))
    return 100 * good / (good + bad)


GOOD = ("passed", "fixed")


def _rows(stored: dict[str, Any]) -> Iterator[str]:
    for name, row in stored.items():
        passed, fixed, failures = len(row["passed"]), len(row["fixed"]), row["failures"]
        reasons = "; ".join(sorted({_shortened(reason) for reason in failures.values()})[:2])
        yield f"| {_shown(name)} | {passed + fixed + len(failures)} | {passed} | {fixed or ''} | {reasons} |\n"


def _shown(name: str) -> str:
    """The operator, and what it is converted by; the name of a suite of whole models as it is."""
    if not defs.has(name):
        return f"the suite {name}"
    return f"`{name}`" if ("", name) in LOWERINGS else f"`{name}` (by its function)"


def _shortened(reason: str) -> str:
    """A reason without the summary's first line, the places in the model and what would break the table."""
    plain = reason.removeprefix("UnsupportedError: 1 operator cannot be converted:\n").partition("  x1")[0]
    return " ".join(plain.split()).replace("|", ";").replace("<", "").replace(">", "")[:120]


def _without_cases(stored: dict[str, Any]) -> Iterator[str]:
    others = sorted("::".join(filter(None, key)) for key in LOWERINGS if key[1] not in stored)
    if others:
        yield f"\nConverted too, without cases of their own: {', '.join(f'`{name}`' for name in others)}.\n"


if __name__ == "__main__":
    PAGE.write_text(page())
