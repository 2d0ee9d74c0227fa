"""liteport convert --quantize: what it says and leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import liteport as api
from tests.cli.conftest import Liteport

WIDE = """
import torch
from torch import nn


class Wide(nn.Sequential):
    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Linear(64, 128), nn.Hardswish(), nn.Linear(128, 10))
"""


@pytest.fixture
def wide(folder: Path) -> tuple[str, ...]:
    (folder / "wide.py").write_text(WIDE)
    np.savez(folder / "seen.npz", input=np.random.default_rng(0).standard_normal((20, 2, 64)).astype(np.float32))
    return ("wide.py:Wide", "--input", "2,64", "-o", "out.tflite")


# mode, further options, what is printed
DONE = [
    ("fp16", (), ("quantised to fp16: ", " 40 dB ", "FULLY_CONNECTED 2")),
    ("dynamic", (), ("quantised to dynamic: ", " 20 dB ")),
    (
        "int8",
        ("--calibrate", "seen.npz"),
        (
            "scaled to 20 samples",
            "left in float: HARD_SWISH 1, it is slower in int8",
            "SQNR",
            " 10 dB ",
            "passed on 8 samples of seen.npz",
        ),
    ),
    ("int8", ("--calibrate", "random"), ("note: calibrated on random inputs", "passed on 8 samples of random inputs")),
    ("int8", ("--calibrate", "seen.npz", "--no-verify"), ("scaled to 20 samples",)),
]


@pytest.mark.parametrize(("mode", "options", "pieces"), DONE, ids=[" ".join((d[0], *d[1])) for d in DONE])
def test_done(
    wide: tuple[str, ...], liteport: Liteport, mode: str, options: tuple[str, ...], pieces: tuple[str, ...]
) -> None:
    done = liteport("convert", *wide, "--quantize", mode, *options)
    assert done.code == 0, done.err
    for piece in pieces:
        assert piece in done.out
    assert "quantise " in done.err
    assert len(done.err.splitlines()) == 1  # the quantizer's own bars and warnings are kept off
    assert ("passed" in done.out) == ("--no-verify" not in options)


def test_json(wide: tuple[str, ...], liteport: Liteport) -> None:
    done = liteport("convert", *wide, "--quantize", "int8", "--calibrate", "seen.npz", "--json")
    result = json.loads(done.out)
    assert result["quantised"]["mode"] == "int8"
    assert result["quantised"]["left"] == [{"operator": "HARD_SWISH", "count": 1, "why": "it is slower in int8"}]
    assert result["quantised"]["samples"] == {"serving_default": 20}
    assert result["verification"]["outputs"][0]["quality"]["sqnr"] > 10
    assert result["files"][0]["size"] == result["quantised"]["after"]


def test_below_the_bar(wide: tuple[str, ...], liteport: Liteport) -> None:
    done = liteport("convert", *wide, "--quantize", "dynamic", "--sqnr", "90")
    assert done.code == 1
    assert "dB of signal to noise are less than 90 dB" in done.err
    assert "--sqnr moves the bar" in done.err
    assert not Path("out.tflite").exists()


def test_later(wide: tuple[str, ...], liteport: Liteport) -> None:
    assert liteport("convert", *wide, "--quantize", "int8", "--calibrate", "seen.npz").code == 0
    done = liteport("verify", *wide[:1], "out.tflite", "--data", "seen.npz")
    assert done.code == 0, done.err
    assert "SQNR" in done.out
    assert api.load("out.tflite")(np.zeros((2, 64), np.float32)).shape == (2, 10)


# arguments, a piece of the message
REFUSED = [
    (("--quantize", "int8"), "--calibrate DATA"),
    (("--quantize", "int4"), "it is one of fp16, dynamic, int8"),
    (("--calibrate", "seen.npz"), "--calibrate is for --quantize int8"),
    (("--quantize", "int8", "--calibrate", "gone.npz"), "there is no such file"),
    (("--quantize", "dynamic", "-o", "out.onnx"), "--quantize is for .tflite"),
    (("--input-dtype", "int8"), "are for --quantize int8"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=[" ".join(r[0]) for r in REFUSED])
def test_refused(wide: tuple[str, ...], liteport: Liteport, arguments: tuple[str, ...], message: str) -> None:
    done = liteport("convert", *wide, *arguments)
    assert (done.code, message in done.err) == (2, True), done.err
