"""liteport profile: the tables, and the object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from liteport import api
from tests.cli.conftest import Liteport


@pytest.fixture
def file(folder: Path) -> Path:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sign(x @ torch.ones(64, 48)).softmax(-1)

    path = folder / "m.tflite"
    api.convert(Net(), (torch.ones(32, 64),)).save(path)
    return path


def test_tables(file: Path, liteport: Liteport) -> None:
    done = liteport("profile", "m.tflite", "--runs", "3")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("m.tflite  ")
    for piece in (" ms ± ", "(3 runs, 1 thread, ", "runs as", "32,48", "built-in", "Softmax", "between the operators"):
        assert piece in done.out
    assert "SIGN      XNNPACK has no such operator" in done.out
    assert "XNNPACK runs 2 of 3 operators in 2 partitions" in done.out


def test_a_faster_form_is_named(folder: Path, liteport: Liteport) -> None:
    module = nn.Conv2d(8, 8, 7, padding=3, groups=8)
    api.convert(module, (torch.ones(1, 8, 20, 20),), prefer="size").save(folder / "wide.tflite")
    done = liteport("profile", "wide.tflite", "--runs", "1")
    assert "depthwise tiles: liteport convert" in done.out
    operators = json.loads(liteport("profile", "wide.tflite", "--runs", "1", "--json").out)["operators"]
    advised = [each["operator"] for each in operators if each["advice"]]
    assert advised == ["DEPTHWISE_CONV_2D"]


def test_json(file: Path, liteport: Liteport) -> None:
    result = json.loads(liteport("profile", file, "--runs", "3", "--json").out)
    assert [each["operator"] for each in result["operators"]] == ["FULLY_CONNECTED", "SIGN", "SOFTMAX"]
    assert (result["runs"], result["path"]) == (3, str(file))


def test_errors(file: Path, liteport: Liteport) -> None:
    done = liteport("profile", file, "--signature", "other")
    assert (done.code, done.out) == (2, "")
    assert "no signature other" in done.err
