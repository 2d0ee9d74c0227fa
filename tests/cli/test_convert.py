"""liteport convert: what it writes, says and leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import liteport as api
from liteport.cli.convert import default_output
from tests.cli.conftest import Liteport

NET = ("net.py:Net", "--input", "2,3")


def test_a_conversion(folder: Path, liteport: Liteport) -> None:
    done = liteport("convert", *NET, "-o", "out.tflite")
    assert done.code == 0, done.err
    assert done.out.startswith("out.tflite  ")
    for piece in (
        " B in ",
        "in   x       float32  2,3",
        "out  output  float32  2,4",
        "1 operator: FULLY_CONNECTED 1",
        "no transposes",
        "output  mean error  allowed    worst  of scale     cosine",
        "passed on 8 samples of random inputs (seed 0)",
        "note: training mode was switched off",
    ):
        assert piece in done.out
    assert "\x1b" not in done.out + done.err
    assert all(len(line) <= 80 and line == line.rstrip() for line in done.out.splitlines())
    for stage in ("load", "export", "import", "optimise", "write", "verify"):
        assert f"{stage} " in done.err
    assert len(done.err.splitlines()) == 1
    assert set(os.listdir()) - {"__pycache__"} == {"net.py", "out.tflite"}
    assert api.load("out.tflite")(np.ones((2, 3))).shape == (2, 4)


def test_the_border(folder: Path, liteport: Liteport) -> None:
    options = ("--input-names", "x=features", "--output-names", "score", "--input-dtype", "float16")
    done = liteport("convert", *NET, *options, "-o", "out.tflite")
    assert done.code == 0, done.err
    assert "in   features  float16  2,3" in done.out
    assert "out  score     float32  2,4" in done.out
    done = liteport("convert", *NET, "--mean", "0.5", "-o", "out.tflite")
    assert (done.code, "--input-dtype uint8" in done.err) == (2, True)


# name, arguments, files
SOURCES: list[tuple[str, tuple[str, ...], list[str]]] = [
    ("state_dict", ("net.pth", "--model", "net.py:Net", "--input", "2,3"), ["net.tflite"]),
    ("arguments", ("net.py:Net", "--model-args", "seed=3", "--input", "x=2,3"), ["net.tflite"]),
    ("exported", ("net.pt2",), ["net.tflite"]),
    ("pickle", ("whole.pth", "--trust-pickle", "--source", ".", "--input", "2,3"), ["whole.tflite"]),
    ("tflite", ("old.tflite", "-o", "new.tflite"), ["new.tflite"]),
    ("entries", ("net.py:Net", "--entry", "forward=2,3", "--entry", "t:track=2,3;5:int64:0..49"), ["net.tflite"]),
    ("onnx", ("net.py:Net", "--input", "2,3", "-o", "new.onnx"), ["new.onnx"]),
    ("exported to onnx", ("net.pt2", "-o", "new.onnx"), ["new.onnx"]),
    ("weights to onnx", ("net.pth", "--model", "net.py:Net", "--input", "2,3", "-o", "new.onnx"), ["new.onnx"]),
    (
        "separate",
        ("net.py:Net", "--entry", "forward=2,3", "--entry", "track=2,3;5:int64:0..49", "--separate"),
        ["net.forward.tflite", "net.track.tflite"],
    ),
]


@pytest.mark.parametrize(("arguments", "files"), [s[1:] for s in SOURCES], ids=[s[0] for s in SOURCES])
def test_sources(folder: Path, liteport: Liteport, arguments: tuple[str, ...], files: list[str]) -> None:
    sys.path.insert(0, str(folder))
    try:
        import net  # type: ignore[import-not-found]

        torch.save(net.Net().state_dict(), "net.pth")
        torch.save(net.Net(), "whole.pth")
        torch.export.save(torch.export.export(net.Net().eval(), (torch.ones(2, 3),), strict=False), "net.pt2")
    finally:
        sys.path.remove(str(folder))
        del sys.modules["net"]
    api.convert(nn.Linear(3, 4), (torch.ones(2, 3),)).save("old.tflite")
    before = set(os.listdir())
    done = liteport("convert", *arguments, "--verify", 2)
    assert done.code == 0, done.err
    assert sorted(set(os.listdir()) - before - {"__pycache__"}) == files
    assert "passed on 2 samples" in done.out
    assert all(f"{file}  " in done.out for file in files)


def test_onnx(folder: Path, liteport: Liteport) -> None:
    done = liteport("convert", *NET, "-o", "out.onnx", "--input-names", "features", "--dynamic", "batch")
    assert done.code == 0, done.err
    assert done.out.startswith("out.onnx  ")
    assert "passed on 8 samples of random inputs (seed 0)" in done.out
    for stage in ("load", "export", "write", "verify"):
        assert f"{stage} " in done.err
    assert len(done.err.splitlines()) == 1
    done = liteport("verify", *NET[:1], "out.onnx", "--input", "5,3")
    assert (done.code, "passed on 8 samples" in done.out) == (0, True)
    done = liteport("convert", *NET, "-o", "out.onnx", "--json")
    [file] = json.loads(done.out)["files"]
    assert file == {"path": str(folder.resolve() / "out.onnx"), "size": (folder / "out.onnx").stat().st_size}
    done = liteport("convert", *NET, "-o", "out.onnx", "--tune")
    assert (done.code, "--tune choose among forms of a .tflite" in done.err) == (2, True)
    done = liteport("convert", *NET, "-o", "out.onnx", "--channels-last", "all")
    assert (done.code, "convert to .tflite" in done.err) == (2, True)


def test_json(folder: Path, liteport: Liteport) -> None:
    done = liteport("convert", *NET, "--json", "--seed", 5)
    assert (done.code, done.err) == (0, "")
    result = json.loads(done.out)
    assert list(result) == ["files", "verification", "notes", "seconds"]
    [file] = result["files"]
    assert Path(file["path"]) == folder.resolve() / "net.tflite"
    assert file["size"] == (folder / "net.tflite").stat().st_size
    assert file["operators"] == {"FULLY_CONNECTED": 1}
    assert result["verification"]["passed"] is True
    assert result["verification"]["data"] == "random inputs (seed 5)"
    assert list(result["seconds"]) == ["load", "export", "import", "optimise", "write", "verify"]


def test_what_the_model_prints_is_not_the_result(folder: Path, liteport: Liteport) -> None:
    done = liteport("convert", "net.py:Talking", "--input", "1,3", "--json")
    assert json.loads(done.out)["verification"]["passed"]
    assert {"made", "called"} <= set(done.err.split())
    assert "made" not in liteport("verify", "net.py:Talking", "net.tflite").out


def test_quiet(folder: Path, liteport: Liteport) -> None:
    done = liteport("convert", *NET, "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (folder / "net.tflite").exists()


@pytest.mark.parametrize("option", [("--no-verify",), ("--verify", "0")])
def test_verification_can_be_switched_off(folder: Path, liteport: Liteport, option: tuple[str, ...]) -> None:
    done = liteport("convert", *NET, *option)
    assert done.code == 0
    assert "samples" not in done.out
    assert "verify" not in done.err
    assert json.loads(liteport("convert", *NET, *option, "--json").out)["verification"] is None


def test_data(folder: Path, liteport: Liteport) -> None:
    np.savez("x.npz", x=np.ones((10, 3), np.float32))
    assert "passed on 5 samples of x.npz" in liteport("convert", *NET, "--data", "x.npz").out
    assert "passed on 2 samples of x.npz" in liteport("convert", *NET, "--data", "x.npz", "--verify", 2).out


# name, arguments, exit code, what stderr says
ERRORS: list[tuple[str, tuple[str, ...], int, str]] = [
    ("no input", ("net.py:Net",), 2, "the shapes of the inputs are not known: give them, such as --input 1,3,224,224"),
    ("no source", (), 2, "Missing argument"),
    ("no option", (*NET, "--inptu", "1"), 2, "No such option"),
    ("no file", ("nothing.pth", "--input", "1"), 2, "nothing.pth: there is no such file"),
    ("no class", ("net.py:Nit", "--input", "1"), 2, "no Nit; it has Net"),
    ("no shape", ("net.py:Net", "--input", "a,b"), 2, "'a,b' is not a shape"),
    (
        "wrong shape",
        ("net.py:Net", "--input", "2,5"),
        2,
        "the network itself fails on inputs of float32[2, 5] (Runtime",
    ),
    ("wrong name", ("net.py:Net", "--input", "y=2,5"), 2, "the inputs are not those of Net.forward(x): missing"),
    ("too many", ("net.py:Net", "--input", "1", "--input", "1"), 2, "Net.forward(x): too many positional arguments"),
    ("dependent", ("net.py:Dependent", "--input", "3"), 1, "torch.export cannot follow Dependent.forward"),
    ("operators", ("net.py:Unsupported", "--input", "3,3"), 1, "cannot be converted"),
    ("no folder", (*NET, "-o", "a/b.tflite"), 2, "there is no folder a"),
    ("folder", (*NET, "-o", "."), 2, "is a folder"),
    ("suffix", (*NET, "-o", "net.lite"), 2, "must be called something.tflite"),
    ("unwritable", (*NET, "-o", "/proc/net.tflite"), 2, "/proc cannot be written to"),
    ("itself", ("old.tflite",), 2, "old.tflite is the source itself: name another output with -o"),
    ("input for tflite", ("old.tflite", "--input", "1", "-o", "new.tflite"), 2, "old.tflite is complete"),
    ("damaged tflite", ("old.tflite", "-o", "new.tflite"), 2, "old.tflite"),
    ("data", (*NET, "--data", "x.npz"), 2, "x.npz: there is no such file"),
    ("data and no verification", (*NET, "--data", "x.npz", "--no-verify"), 2, "leave it out, or --no-verify"),
    ("negative", (*NET, "--verify", "-1"), 2, "--verify"),
    ("entry and input", (*NET, "--entry", "a=1"), 2, "leave --input"),
    ("no method", ("net.py:Net", "--entry", "a=1"), 2, "no method a; it has forward, track"),
    ("pickle", ("evil.pth", "--input", "1"), 2, "--trust-pickle"),
]


@pytest.mark.parametrize("as_json", [False, True], ids=["", "json"])
@pytest.mark.parametrize(("arguments", "code", "says"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_errors(
    folder: Path, liteport: Liteport, arguments: tuple[str, ...], code: int, says: str, as_json: bool
) -> None:
    Path("old.tflite").write_bytes(b"not a model at all")
    Path("net.tflite").write_bytes(b"old")
    torch.save(print, "evil.pth")
    before = set(os.listdir())
    done = liteport("convert", *arguments, *(["--json"] if as_json else []))
    assert done.code == code, done.err
    assert says in done.err
    assert "Traceback" not in done.err
    assert Path("net.tflite").read_bytes() == b"old"
    assert set(os.listdir()) - before <= {"__pycache__"}
    assert len(done.err.splitlines()) <= 2 + says.count("cannot be converted") * 3
    if as_json:
        assert says in json.loads(done.out)["error"]["message"]
    else:
        assert done.out == ""
        assert "error: " in done.err


def test_failed_verification_leaves_the_old_file(folder: Path, liteport: Liteport) -> None:
    Path("net.tflite").write_bytes(b"old")
    done = liteport("convert", *NET, "--tolerance", "0")
    assert done.code == 1
    assert done.out == ""
    for piece in (
        "mean error",
        "differs",
        "FAILED on 8 samples",
        "error: the output does not match",
        "--tolerance",
        "--no-verify",
    ):
        assert piece in done.err
    assert Path("net.tflite").read_bytes() == b"old"
    assert set(os.listdir()) <= {"net.py", "net.tflite", "__pycache__"}

    result = json.loads(liteport("convert", *NET, "--json", "--tolerance", "0").out)
    assert result["error"]["type"] == "VerificationError"
    assert result["verification"]["passed"] is False


# where Ctrl-C comes
PLACES = [
    "liteport.frontends.torch.entries.open_model",
    "liteport.frontends.torch.model.TorchModel.to_ir",
    "liteport.backends.tflite.writer._stream",
    "liteport.model.compare",
]


@pytest.mark.parametrize("place", PLACES)
def test_interrupted(folder: Path, liteport: Liteport, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def interrupt(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    Path("net.tflite").write_bytes(b"old")
    monkeypatch.setattr(place, interrupt)
    done = liteport("convert", *NET)
    assert done.code == 130
    assert done.out == ""
    assert done.err.endswith("interrupted: nothing was written\n")
    assert Path("net.tflite").read_bytes() == b"old"
    assert set(os.listdir()) <= {"net.py", "net.tflite", "__pycache__"}


def test_a_bug_is_said_to_be_one(folder: Path, liteport: Liteport, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("liteport.passes.pipeline.optimise", fail)
    done = liteport("convert", *NET)
    assert done.code == 1
    assert "error: unexpected KeyError: 'surprise'. This is a bug in liteport: run it again with --debug" in done.err
    assert "Traceback" not in done.err
    assert "Traceback" in liteport("convert", *NET, "--debug").err


def test_a_full_disk(folder: Path, liteport: Liteport, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("liteport.backends.tflite.writer._stream", fail)
    done = liteport("convert", *NET)
    assert done.code == 1
    assert done.err.endswith("error: No space left on device\n")
    assert set(os.listdir()) <= {"net.py", "__pycache__"}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/b/net.pth", "net.tflite"),
        ("net.v2.pth", "net.v2.tflite"),
        ("a/net.py:Net", "net.tflite"),
        ("package.models:Net", "models.tflite"),
        ("models:Net", "models.tflite"),
    ],
)
def test_default_output(source: str, name: str) -> None:
    assert default_output(source) == Path(name)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_signals(folder: Path, sent: signal.Signals) -> None:
    api.convert(nn.Linear(3, 4), (torch.ones(2, 3),)).save("old.tflite")
    Path("new.tflite").write_bytes(b"old")
    options = ["old.tflite", "-o", "new.tflite", "--verify", "100000000"]
    command = [sys.executable, "-m", "liteport", "convert", *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background inherits "ignore"
    ) as process:
        while not list(folder.glob(".liteport.*/new.tflite")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(sent)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("interrupted: nothing was written\n")
    assert Path("new.tflite").read_bytes() == b"old"
    assert set(os.listdir()) == {"net.py", "old.tflite", "new.tflite"}
