"""SavedModels that liteport writes: python -m benchmarks.tensorflow_out (--help).

Measured are the seconds from a cold start to a SavedModel, TensorFlow's import among them; its inference beside that of
a twin made of Keras's own layers, while the two take turns on one thread; and the operators of the .tflite that
TensorFlow's converter makes of it beside those of our own (--prefer plain). Exit code 0: every bar is met; 1: one is
missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import converters, table
from benchmarks.bars import US, Limit, Line, judge
from benchmarks.converters import ROOT, Command, Converter
from benchmarks.measure import note

KERAS, DIRECT = "Keras twin", "direct .tflite"
NETWORKS = ("resnet50", "efficientnet_b3")

SOON = Limit(25, "at most 25")
AS_FAST = Limit(1.05, "at most 1.05 x the twin's", relative=True)
AS_FEW = Limit(1.05, "at most 1.05 x the direct one's", relative=True)
BARS = (("seconds", SOON, "{:.1f}"), ("latency_ms", AS_FAST, "{:.1f}"), ("operators", AS_FEW, "{:.0f}"))


def saved_model(python: str) -> Converter:
    """PyTorch to a SavedModel, by liteport."""

    def steps(network: str, folder: Path) -> list[Command]:
        return [[python, "-m", "benchmarks.drivers.liteport", network, str(folder / network), "--prefer", "plain"]]

    return Converter(US, "", steps, lambda network, folder: folder / network / "saved_model.pb")


def measure(network: str, runs: int, out: Path) -> dict[str, dict[str, Any]]:
    """Everything about one network, by what was measured."""
    seconds = []
    for _ in range(runs):
        note(f"{network}: a cold start")
        shutil.rmtree(out / network, ignore_errors=True)
        seconds.append(converters.convert(saved_model(sys.executable), network, out).seconds)
    note(f"{network}: inference and operators")
    driver = [sys.executable, "-m", "benchmarks.drivers.tensorflow_out", network, str(out / network)]
    result = out / f"{network}.json"
    converters.convert(Converter("driver", "", lambda *_: [[*driver, str(result)]], lambda *_: result), network, out)
    found = json.loads(result.read_text())
    ours = {"seconds": seconds, "latency_ms": median(found["ours"]), "operators": found["converted"]}
    ratios = [our / twin for our, twin in zip(found["ours"], found["twin"], strict=True)]
    return {
        US: ours,
        KERAS: {"latency_ms": median(found["twin"]), "ratio": ratios},
        DIRECT: {"operators": found["direct"]},
    }


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--runs", type=int, default=3, help="cold starts, of which the median counts (3)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "benchmarks-tensorflow", help="folder for files")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    return parser.parse_args()


def main() -> int:
    chosen = options()
    chosen.out.mkdir(parents=True, exist_ok=True)
    results = {network: measure(network, chosen.runs, chosen.out) for network in chosen.networks}
    (chosen.out / "tensorflow_out.json").write_text(json.dumps(results, indent=2) + "\n")
    lines = [Line(network, metric, limit, form) for network in chosen.networks for metric, limit, form in BARS]
    verdicts = judge(results, lines)
    rows = table.rows(verdicts, {KERAS: "", DIRECT: "", US: ""}, 0)
    print(table.markdown(rows) if chosen.markdown else table.plain(rows))
    return int(any(verdict.passed is False for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
