"""--tune and its record on the command line, and liteport tune-kit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Liteport

NET = """
import torch
from torch import nn

class Wide(nn.Conv2d):
    def __init__(self):
        torch.manual_seed(0)
        super().__init__(8, 8, 7, padding=3, groups=8)
"""
SOURCE = ("wide.py:Wide", "--input", "1,8,14,14")


@pytest.fixture(autouse=True)
def wide(folder: Path) -> None:
    (folder / "wide.py").write_text(NET)


def test_a_record_is_written_and_gone_by(folder: Path, liteport: Liteport) -> None:
    done = liteport("convert", *SOURCE, "-o", "a.tflite", "--tune", "--tune-budget", "5", "--tune-record", "r.json")
    assert done.code == 0, done.err
    assert "1 of 1 places measured" in done.out
    assert [site["rule"] for site in json.loads((folder / "r.json").read_text())["sites"]] == ["depthwise tiles"]
    done = liteport("convert", *SOURCE, "-o", "b.tflite", "--tune-from", "r.json", "--json")
    assert "tuned by a record of" in json.loads(done.out)["notes"][-1]
    assert (folder / "a.tflite").read_bytes() == (folder / "b.tflite").read_bytes()


WRONG = {
    "record without tune": (["--tune-record", "r.json"], "--tune-budget and --tune-record belong to --tune"),
    "no time": (["--tune", "--tune-budget", "0"], "--tune-budget 0 leaves no time to measure"),
    "both": (["--tune", "--tune-from", "r.json"], "--tune measures and --tune-from does not"),
    "missing": (["--tune-from", "none.json"], "none.json: No such file"),
    "another file": (["--tune-from", "wide.py"], "wide.py is no tuning record"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_called_wrongly(folder: Path, liteport: Liteport, arguments: list[str], message: str) -> None:
    done = liteport("convert", *SOURCE, "-o", "a.tflite", *arguments)
    assert done.code == 2
    assert message in done.err
    assert not (folder / "a.tflite").exists()


def test_kit(folder: Path, liteport: Liteport) -> None:
    done = liteport("tune-kit", *SOURCE, "-o", "kit")
    assert (done.code, done.out.splitlines()[0].split(",")[0]) == (0, "kit  2 candidates")
    assert len(list((folder / "kit").iterdir())) == 4
    assert len(json.loads(liteport("tune-kit", *SOURCE, "-o", "kit", "--json").out)["files"]) == 4
