"""Writes docs/forms.md from the code: every rule of the choose pass, and what it gained where it was measured.

python -m docs.generate_forms
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from liteport.passes.choose.rule import Kind, Rule
from liteport.passes.choose.rules import RULES

PAGE = Path(__file__).with_name("forms.md")

INTRODUCTION = """\
# Forms

Generated from the code by `python -m docs.generate_forms`; a test holds it up to date.

Much can be computed in several ways that give the same numbers and take different times. A converter writes what the
source says; the `choose` pass then looks for places where LiteRT has a faster way. A rule is one such thing to look
for: the condition, the forms, and the measured figures behind it. A rule knows nothing of whole networks.

`prefer=` in Python and `--prefer` on the command line say what for:

| | |
|---|---|
| `balanced` | the default: speed, at no cost beyond rounding |
| `latency` | speed, also at a cost in bytes or accuracy; each use is told in the notes |
| `size` | no form that makes the file larger |
| `plain` | the fewest and most ordinary operators, of at most 4 dimensions: for GPUs, NPUs and microcontrollers |

The figures are milliseconds on one thread of an x86 machine with AVX2 (LiteRT 2.3, XNNPACK). What they rest on says
whether to expect the same elsewhere. `python -m benchmarks.forms` measures every rule's examples, in all forms, on the
machine that it runs on.
"""

SECTIONS = {
    Kind.ALWAYS: (
        "Always",
        "The form as emitted falls out of a kernel, repeats data or does needless work on any machine.",
    ),
    Kind.TUNED: ("Tuned", "It depends on caches and vector widths: taken where a measurement says so."),
    Kind.TRADED: ("Traded", 'Faster, at a price in bytes or accuracy: taken with `prefer="latency"`.'),
    Kind.PLAIN: ("Plain", 'Not faster, but nothing out of the ordinary: taken with `prefer="plain"`.'),
}


TABLE = """\
| rule | before => after | measured, ms | rests on |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(_sections())


def _sections() -> Iterator[str]:
    for kind, (title, about) in SECTIONS.items():
        if rows := [_row(rule) for rule in RULES if rule.kind is kind]:
            yield f"\n## {title}\n\n{about}\n\n{TABLE}"
            yield from rows


def _row(rule: Rule) -> str:
    gain = rule.gain.replace(" -> ", " → ")
    return f"| {rule.name} | `{rule.before}` ⇒ `{rule.after}` | {gain} | {rule.rests_on} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
