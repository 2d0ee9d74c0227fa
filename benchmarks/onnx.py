"""Networks by way of ONNX beside the direct way, and the importer beside onnx2tf: python -m benchmarks.onnx (--help).

Every network is written as .onnx by PyTorch's exporter, and converted from PyTorch and from that file: the second
.tflite should have no more operators than the first, and be no slower, while the two take turns. Of the networks of
IMPORTED it is also measured, from cold starts, what it takes from the .onnx to a verified .tflite, beside onnx2tf where
--onnx2tf-python names an interpreter that has it. Exit code 0: every bar is met; 1: one is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import converters, table
from benchmarks.bars import US, Limit, Line, judge
from benchmarks.converters import ROOT, Command, Converter, Run
from benchmarks.measure import note, score
from benchmarks.models import NETWORKS

DIRECT = "from PyTorch"
PEER = "onnx2tf"
SAMPLES = 8  # that a verification compares on

NO_MORE = Limit(1.0, "no more than from PyTorch", relative=True)
AS_FAST = Limit(1.05, "at most 1.05 x that from PyTorch", relative=True)
QUARTER = Limit(0.25, "at most a quarter of onnx2tf's", relative=True)

IMPORTED = {"resnet50": Limit(400, "at most 400"), "bert": Limit(400, "at most 400")}
"""Networks whose import is measured for itself, and the bar for its peak memory in MB."""

PARITY = [
    Line(network, metric, limit, form)
    for network in NETWORKS
    for metric, limit, form in (("operators", NO_MORE, "{:.0f}"), ("latency_ms", AS_FAST, "{:.2f}"))
]
IMPORT = [
    Line(network, metric, limit, form)
    for network, peak in IMPORTED.items()
    for metric, limit, form in (("seconds", QUARTER, "{:.1f}"), ("peak_mb", peak, "{:.0f}"))
]


def both_ways(python: str) -> Converter:
    """PyTorch to .onnx, and beside it the .tflite of either way."""
    return _single(
        "both ways", "onnx", lambda network, file: [python, "-m", "benchmarks.drivers.both_ways", network, str(file)]
    )


def imported(python: str, folder: Path) -> Converter:
    """The .onnx in `folder` to a .tflite, compared with ONNX Runtime by the same process."""

    def step(network: str, file: Path) -> Command:
        source = str(folder / f"{network}.onnx")
        return [python, "-m", "benchmarks.drivers.liteport_onnx", source, str(file), str(SAMPLES)]

    return _single(US, "tflite", step)


def onnx2tf(python: str, folder: Path) -> Converter:
    """onnx2tf by its command line, which compares nothing."""
    command = str(Path(python).with_name("onnx2tf"))

    def steps(network: str, out: Path) -> list[Command]:
        source = str(folder / f"{network}.onnx")
        return [[command, "-i", source, "-o", str(out / network), "-tb", "flatbuffer_direct"]]

    return Converter(PEER, "", steps, lambda network, out: out / network / f"{network}_float32.tflite")


def _single(name: str, suffix: str, step: Callable[[str, Path], Command]) -> Converter:
    def file(network: str, folder: Path) -> Path:
        return folder / f"{network}.{suffix}"

    return Converter(name, "", lambda network, folder: [step(network, file(network, folder))], file)


def measure(network: str, chosen: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Everything about one network, by way; nothing, with a note, where it cannot be converted."""
    sources = chosen.out / "both"
    if not _converted(both_ways(sys.executable), network, sources):
        return {}
    files = {US: sources / f"{network}.imported.tflite", DIRECT: sources / f"{network}.direct.tflite"}
    results: dict[str, dict[str, Any]] = {name: dict(scores) for name, scores in score(network, 0, files).items()}
    if network in IMPORTED:
        for name, runs in _imports(network, sources, chosen).items():
            figures = {"seconds": [run.seconds for run in runs], "peak_mb": [run.peak_mb for run in runs]}
            results.setdefault(name, {}).update(figures)
    return results


def _imports(network: str, sources: Path, chosen: argparse.Namespace) -> dict[str, list[Run]]:
    """Cold starts from the .onnx to the file, in turn."""
    ways = [imported(sys.executable, sources)]
    if chosen.onnx2tf_python:
        ways.append(onnx2tf(chosen.onnx2tf_python, sources))
    else:
        note("onnx2tf is left out: --onnx2tf-python names no interpreter")
    runs: dict[str, list[Run]] = {}
    for way in [way for _ in range(chosen.runs) for way in ways]:
        if run := _converted(way, network, chosen.out / f"import-{way.name}"):
            runs.setdefault(way.name, []).append(run)
    return runs


def _converted(way: Converter, network: str, folder: Path) -> Run | None:
    note(f"{network}: {way.name}")
    try:
        return converters.convert(way, network, folder)
    except RuntimeError as error:
        note(str(error))
        return None


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ONNX2TF_PYTHON")
    parser.add_argument("--onnx2tf-python", metavar="PYTHON", default=default, help="interpreter with onnx2tf")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument(
        "--runs", type=int, default=3, help="cold starts of each importer, of which the median counts (3)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "benchmarks-onnx", help="folder for files and logs")
    parser.add_argument("--from-json", type=Path, help="print stored results again, measure nothing")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    return parser.parse_args(arguments)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Measures, and stores after every network what there is so far."""
    chosen.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    for network in chosen.networks:
        results[network] = measure(network, chosen)
        (chosen.out / "onnx.json").write_text(json.dumps(results, indent=2) + "\n")
    return results


def main() -> int:
    chosen = options()
    results = json.loads(chosen.from_json.read_text()) if chosen.from_json else run(chosen)
    verdicts = judge(results, [*PARITY, *IMPORT])
    rows = table.rows(verdicts, {PEER: "", DIRECT: "", US: ""}, SAMPLES)
    print(table.markdown(rows) if chosen.markdown else table.plain(rows))
    return int(any(verdict.passed is False for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
