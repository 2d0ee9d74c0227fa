"""The benchmark runs from end to end where there are no peers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_without_peers_the_absolute_bars_are_judged(tmp_path: Path) -> None:
    few = ["--networks", "lprnet", "--runs", "1", "--samples", "2"]
    command = [sys.executable, "-m", "benchmarks.foundation", *few, "--out", str(tmp_path), "--markdown"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "litert-torch is left out" in done.stderr
    assert "no peer" in done.stdout
    stored = json.loads((tmp_path / "foundation.json").read_text())
    assert stored["networks"]["lprnet"]["liteport"]["seconds"][0] > 0
