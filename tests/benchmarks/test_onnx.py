"""The benchmark of ONNX runs from end to end, and small networks come through ONNX as they do from PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bars import judge
from benchmarks.contents import operators
from benchmarks.models import NETWORKS
from benchmarks.onnx import IMPORT, PARITY
from benchmarks.onnx import US as FROM_ONNX

ROOT = Path(__file__).parents[2]


def figures(operators: int, ratio: float, seconds: float, peak: float) -> dict[str, dict[str, float]]:
    """What is measured of resnet50: ours, that from PyTorch with 78 operators, and onnx2tf's with 20 seconds."""
    return {
        FROM_ONNX: {
            "operators": operators,
            "latency_ms": 10 * ratio,
            "ratio": 1.0,
            "seconds": seconds,
            "peak_mb": peak,
        },
        "from PyTorch": {"operators": 78, "latency_ms": 10, "ratio": ratio},
        "onnx2tf": {"seconds": 20.0, "peak_mb": 1180.0},
    }


# what was measured, which of the four bars hold: operators, latency, seconds, peak memory
MEASURED = [
    (figures(78, 1.0, 5.0, 400.0), [True, True, True, True]),
    (figures(79, 1.04, 5.0, 400.0), [False, True, True, True]),
    (figures(77, 1.06, 5.1, 401.0), [True, False, False, False]),
]


@pytest.mark.parametrize(("measured", "passed"), MEASURED)
def test_the_bars(measured: dict[str, dict[str, float]], passed: list[bool]) -> None:
    verdicts = judge({"resnet50": measured}, [*PARITY, *IMPORT])
    assert [verdict.passed for verdict in verdicts] == passed


@pytest.mark.slow
def test_networks_come_through_onnx(tmp_path: Path) -> None:
    networks = ["civilnet", "lprnet", "gru", "resnet50"]
    command = [sys.executable, "-m", "benchmarks.onnx", "--networks", *networks, "--runs", "1", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "onnx2tf is left out" in done.stderr
    stored = json.loads((tmp_path / "onnx.json").read_text())
    assert list(stored) == networks
    for network, ways in stored.items():
        assert ways[FROM_ONNX]["operators"] <= ways["from PyTorch"]["operators"], network
    assert stored["resnet50"][FROM_ONNX]["peak_mb"][0] <= 400


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_no_more_operators_by_way_of_onnx(name: str, tmp_path: Path) -> None:
    """Every network of the benchmark, in a process of its own: the exporter keeps what it traced."""
    command = [sys.executable, "-m", "benchmarks.drivers.both_ways", name, str(tmp_path / "m.onnx")]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    direct, imported = (operators(tmp_path / f"m.{way}.tflite") for way in ("direct", "imported"))
    assert imported.total() <= direct.total(), imported - direct
