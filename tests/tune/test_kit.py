"""The kit: what it holds, that its script runs by itself, and that its record decides here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

import liteport
from liteport.passes.choose.rule import AS_EMITTED
from liteport.tune.record import Record

X = torch.randn(1, 8, 14, 14)


def test_a_kit_is_measured_elsewhere(tmp_path: Path) -> None:
    net = nn.Conv2d(8, 8, 7, padding=3, groups=8).eval()
    files = liteport.tune_kit(net, tmp_path / "kit", X)
    manifest = json.loads((tmp_path / "kit" / "manifest.json").read_text())
    (site,) = manifest["sites"]
    assert set(site["files"]) == {AS_EMITTED, "tiles"}
    assert {file.name for file in files} == {"run.py", "manifest.json", *site["files"].values()}

    command = [sys.executable, "-I", str(tmp_path / "kit" / "run.py"), "--seconds", "0.2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "1/1 depthwise tiles: " in done.stdout

    record = Record.load(tmp_path / "kit" / "record.json")
    ((_, times),) = record.places.items()
    assert set(times) == set(site["files"])
    assert record.runtime.startswith("ai-edge-litert")
    model = liteport.convert(net, X, tune=record)
    assert model.notes[-1].startswith("tuned by a record of ")
    assert "1 of 1 places known" in model.notes[-1]


def test_a_kit_without_its_manifest(tmp_path: Path) -> None:
    liteport.tune_kit(nn.Linear(3, 3), tmp_path, torch.ones(1, 3))
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"sites": []}
