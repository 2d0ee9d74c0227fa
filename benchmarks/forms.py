"""The forms that the choose pass knows, measured on this machine: every example of a rule, each form in turns.

python -m benchmarks.forms [RULE...] prints milliseconds as emitted and in each form, and how many times faster it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from statistics import median

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import evaluate
from liteport.check.timing import race
from liteport.ir.graph import Module
from liteport.passes.choose.candidates import candidates, random_inputs
from liteport.passes.choose.example import Example
from liteport.passes.choose.rule import AS_EMITTED, Rule
from liteport.passes.choose.rules import RULES


def measure(rule: Rule, example: Example, seconds: float = 1.0) -> Mapping[str, float]:
    """Milliseconds of the example in each of its forms."""
    graphs = candidates(rule, rule.site_of(example), evaluate)
    files = {form: to_bytes(Module([graph])) for form, graph in graphs.items()}
    times = race(files, random_inputs(graphs[AS_EMITTED]), seconds=seconds)
    return {form: median(each) for form, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [rule.name for rule in RULES]
    parser.add_argument("rules", nargs="*", metavar="RULE", help=f"all, or: {', '.join(names)}")
    parser.add_argument("--seconds", type=float, default=1.0, help="of timing for each example (1)")
    chosen = parser.parse_args()
    if unknown := set(chosen.rules) - set(names):
        parser.error(f"no rule is called {min(unknown)!r}")
    for rule in (r for r in RULES if r.name in (chosen.rules or names)):
        print(f"{rule.name} ({rule.kind.value}): {rule.before}  =>  {rule.after}")
        for example in rule.examples:
            print(f"  {example.id:32} {_row(measure(rule, example, chosen.seconds))}", flush=True)


def _row(milliseconds: Mapping[str, float]) -> str:
    plain = milliseconds[AS_EMITTED]
    forms = (f"{form} {ms:.3f} ({plain / ms:.2f}x)" for form, ms in milliseconds.items() if form != AS_EMITTED)
    return f"{plain:8.3f} ms; {', '.join(forms)}"


if __name__ == "__main__":
    main()
