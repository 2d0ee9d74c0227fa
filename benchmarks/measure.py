"""liteport beside its peers on the same networks, in one run: seconds, operators, latency, error, memory, size.

Each peer stands in an environment of its own, whose interpreter an option or an environment variable
(LITERT_PYTHON, ONNX2TF_PYTHON, EXPORT_PYTHON) names; docs/benchmarks.md says how to set them up. A peer
that is not named is left out. Exit code 0: every bar is met; 1: one is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import converters, table
from benchmarks.bars import ALL, US, Line, judge
from benchmarks.contents import operators
from benchmarks.converters import ROOT, Converter

FEW = 10  # inputs for the error of networks that have no bar for it: enough to see that a file is right


def options(name: str, lines: Sequence[Line]) -> argparse.ArgumentParser:
    networks = list(dict.fromkeys(line.network for line in lines if line.network != ALL))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for peer, package in (("litert", "litert-torch"), ("onnx2tf", "onnx2tf"), ("export", "torch and onnxscript")):
        default = os.environ.get(f"{peer.upper()}_PYTHON")
        parser.add_argument(f"--{peer}-python", metavar="PYTHON", default=default, help=f"interpreter with {package}")
    parser.add_argument("--networks", nargs="+", choices=networks, default=networks, metavar="NETWORK")
    parser.add_argument("--runs", type=int, default=3, help="conversions of each, of which the median counts (3)")
    parser.add_argument("--samples", type=int, default=1000, help="inputs for the mean absolute error (1000)")
    parser.add_argument("--reuse", action="store_true", help="take the files of peers that OUT has from another run")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "benchmarks", help="folder for files and logs")
    parser.add_argument("--json", type=Path, help=f"where results go (OUT/{name}.json)")
    parser.add_argument("--from-json", type=Path, help="print stored results again, measure nothing")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    return parser


def available(chosen: argparse.Namespace, ways: Sequence[Sequence[str]]) -> list[Converter]:
    """liteport first, with each of the options, then the peers that have an interpreter; says which are left out."""
    found = [converters.liteport(sys.executable, *way) for way in ways]
    if chosen.litert_python:
        found.append(converters.litert_torch(chosen.litert_python))
    else:
        note("litert-torch is left out: --litert-python names no interpreter")
    if chosen.onnx2tf_python and chosen.export_python:
        found.append(converters.onnx2tf(chosen.onnx2tf_python, chosen.export_python))
    else:
        note("onnx2tf is left out: it needs both --onnx2tf-python and --export-python")
    return found


def measure(
    network: str, peers: Sequence[Converter], lines: Sequence[Line], chosen: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """Everything about one network, by converter; one that failed is left out of it, with a note."""
    found: dict[str, dict[str, Any]] = {c.name: {"seconds": [], "peak_mb": []} for c in peers}
    for turn in range(chosen.runs):
        for converter in (c for c in peers if c.name in found):
            if chosen.reuse and is_peer(converter) and converter.file(network, chosen.out / converter.name).is_file():
                continue
            note(f"{network}: {converter.name}, run {turn + 1} of {chosen.runs}")
            try:
                done = converters.convert(converter, network, chosen.out / converter.name)
            except RuntimeError as error:
                note(str(error))
                del found[converter.name]
                continue
            found[converter.name]["seconds"].append(done.seconds)
            found[converter.name]["peak_mb"].append(done.peak_mb)
    files = {c.name: c.file(network, chosen.out / c.name) for c in peers if c.name in found}
    asked = {line.metric for line in lines if line.network == network}
    for name, scores in score(network, chosen.samples if "error" in asked else FEW, files).items():
        found[name] |= scores
    if "excess" in asked:
        add_excess(network, found, chosen.out)
    if "plain_operators" in asked:
        add_plain(network, found, chosen.out)
    return found


def add_plain(network: str, results: dict[str, dict[str, Any]], out: Path) -> None:
    """The operators before any are split for speed: of ours another file, of the peers' the one that there is."""
    for metrics in results.values():
        metrics["plain_operators"] = metrics["operators"]
    plain = converters.liteport(sys.executable, "--prefer", "plain")
    note(f"{network}: {plain.name}")
    converters.convert(plain, network, out / plain.name)
    results[US]["plain_operators"] = operators(plain.file(network, out / plain.name)).total()


def is_peer(converter: Converter) -> bool:
    return not converter.name.startswith(US)


def add_excess(network: str, results: dict[str, dict[str, Any]], out: Path) -> None:
    """Each converter's peak memory above PyTorch's own, in multiples of the network's weights."""
    baseline = converters.pytorch(sys.executable)
    note(f"{network}: PyTorch alone")
    run = converters.convert(baseline, network, out / baseline.name)
    weights = float(baseline.file(network, out / baseline.name).read_text())
    for metrics in results.values():
        metrics["excess"] = [(peak - run.peak_mb) / weights for peak in metrics["peak_mb"]]


def score(network: str, samples: int, files: dict[str, Path]) -> dict[str, dict[str, float]]:
    """benchmarks.score in a process of its own, so that this one stays small (see converters._run)."""
    if not files:
        return {}
    note(f"{network}: scoring")
    command = [sys.executable, "-m", "benchmarks.score", network, str(samples)]
    command += [f"{name}={path}" for name, path in files.items()]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    scores: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return scores


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def results(
    name: str, lines: Sequence[Line], chosen: argparse.Namespace, ways: Sequence[Sequence[str]] = ((),)
) -> dict[str, Any]:
    """What was measured, or is now; `ways` are options of liteport, each of which makes a file."""
    if chosen.from_json:
        stored: dict[str, Any] = json.loads(chosen.from_json.read_text())
        return stored
    return run(name, lines, chosen, available(chosen, ways))


def run(name: str, lines: Sequence[Line], chosen: argparse.Namespace, peers: Sequence[Converter]) -> dict[str, Any]:
    """Measures, and stores after every network what there is so far."""
    chosen.out.mkdir(parents=True, exist_ok=True)
    target = chosen.json or chosen.out / f"{name}.json"
    stored: dict[str, Any] = {
        "versions": {c.name: c.version for c in peers},
        "samples": chosen.samples,
        "runs": chosen.runs,
        "networks": {},
    }
    for network in chosen.networks:
        stored["networks"][network] = measure(network, peers, lines, chosen)
        target.write_text(json.dumps(stored, indent=2) + "\n")
    note(f"results: {target}")
    return stored


def main(name: str, lines: Sequence[Line]) -> int:
    """Measures and prints `lines`, the bars of the benchmark `name`; the exit code."""
    chosen = options(name, lines).parse_args()
    stored = results(name, lines, chosen)
    verdicts = judge(stored["networks"], lines)
    rows = table.rows(verdicts, stored["versions"], stored["samples"])
    print(table.markdown(rows) if chosen.markdown else table.plain(rows))
    return int(any(verdict.passed is False for verdict in verdicts))
