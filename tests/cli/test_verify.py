"""liteport verify: any two models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import liteport as api
from tests.cli.conftest import Liteport


class Two(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"same": x + 1, "scaled": x * self.factor, "top": (x * self.factor).argmax(-1)}


@pytest.fixture
def files(folder: Path) -> Path:
    for name, factor in (("a", 2.0), ("b", 3.0), ("c", -2.0)):
        api.convert(Two(factor), (torch.ones(2, 3),)).save(folder / f"{name}.tflite")
    return folder


def test_equal(files: Path, liteport: Liteport) -> None:
    done = liteport("verify", "a.tflite", "a.tflite", "--samples", 20)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "a.tflite against a.tflite"
    assert [line.split()[0] for line in lines[3:6]] == ["same", "scaled", "top"]
    assert all(line.endswith("equal") for line in lines[3:6])
    assert lines[6] == "  passed on 20 samples of random inputs (seed 0)"
    assert "\x1b" not in done.out + done.err


def test_different(files: Path, liteport: Liteport) -> None:
    done = liteport("verify", "a.tflite", "c.tflite")
    assert done.code == 1
    rows = {line.split()[0]: line.split()[-1] for line in done.out.splitlines()[3:6]}
    assert rows == {"same": "equal", "scaled": "differs", "top": "differs"}
    assert "FAILED on 8 samples" in done.out
    assert "error: 2 of 3 outputs do not match the origin's: scaled: mean error" in done.err


def test_json(files: Path, liteport: Liteport) -> None:
    passed = liteport("verify", "a.tflite", "a.tflite", "--json", "--samples", 2)
    assert (passed.code, passed.err) == (0, "")
    assert json.loads(passed.out)["verification"]["passed"] is True
    failed = liteport("verify", "a.tflite", "b.tflite", "--json")
    assert failed.code == 1
    result = json.loads(failed.out)
    assert [output["passed"] for output in result["verification"]["outputs"]] == [True, False, True]
    assert result["error"]["type"] == "VerificationError"


def test_quiet(files: Path, liteport: Liteport) -> None:
    assert liteport("verify", "a.tflite", "a.tflite", "-q").out == ""
    failed = liteport("verify", "a.tflite", "b.tflite", "-q")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith("error: 1 of 3 outputs")


def test_pytorch_takes_its_inputs_from_the_other_side(files: Path, liteport: Liteport) -> None:
    assert liteport("convert", "net.py:Net", "--input", "2,3").code == 0
    for pair in (("net.py:Net", "net.tflite"), ("net.tflite", "net.py:Net")):
        done = liteport("verify", *pair)
        assert (done.code, "passed on 8" in done.out) == (0, True), done.err
    other = liteport("verify", "net.py:Net", "net.tflite", "--model-args", "seed=1")
    assert other.code == 1


# arguments, exit code, what stderr says
ERRORS: list[tuple[tuple[str, ...], int, str]] = [
    (("a.tflite", "net.tflite"), 2, "net.tflite"),
    (("a.tflite", "net.pth"), 2, "net.pth: there is no such file"),
    (("a.tflite",), 2, "Missing argument"),
    (("net.py:Net", "net.py:Net"), 2, "--input 1,3,224,224"),
    (("net.py:Net", "a.tflite", "--input", "1,3"), 2, "take different inputs: x float32[1,3] against x float32[2,3]"),
    (("a.tflite", "b.tflite", "--samples", "0"), 2, "--samples"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), ERRORS, ids=[" ".join(e[0]) for e in ERRORS])
def test_errors(files: Path, liteport: Liteport, arguments: tuple[str, ...], code: int, says: str) -> None:
    done = liteport("verify", *arguments)
    assert done.code == code, done.err
    assert says in done.err
    assert done.out == ""
