"""The command line as a whole: help, version, inspect, and what a terminal is shown."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import liteport as api
from tests.cli.conftest import Liteport

COMMAND = [sys.executable, "-m", "liteport"]
HELP = "import sys; from liteport.cli.main import run; run(['convert', '--help'])"
LOADED = f"{HELP}; print({{'torch', 'numpy', 'ai_edge_litert', 'scipy', 'flatbuffers'}} & set(sys.modules))"


@pytest.fixture
def file(folder: Path) -> Path:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.softmax(x.permute(1, 0, 2), -1).sum(0), y @ torch.ones(3, 5) + 1

    path = folder / "m.tflite"
    api.convert(Net(), (torch.ones(2, 3, 4), torch.ones(2, 3))).save(path)
    return path


def test_inspect(file: Path, liteport: Liteport) -> None:
    done = liteport("inspect", "m.tflite")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("m.tflite  ")
    for piece in (
        "in   x         float32  2,3,4",
        "out  output_1  float32  2,5",
        "operators: ",
        "weights",
        "padding",
        "%",
    ):
        assert piece in done.out
    assert "\x1b" not in done.out


def test_inspect_json(file: Path, liteport: Liteport) -> None:
    result = json.loads(liteport("inspect", file, "--json").out)
    assert result["size"] == file.stat().st_size == sum(result["parts"].values())
    assert [tensor["name"] for tensor in result["signatures"][0]["inputs"]] == ["x", "y"]


def test_inspect_errors(folder: Path, liteport: Liteport) -> None:
    (folder / "bad.tflite").write_bytes(b"bad")
    for name in ("bad.tflite", "missing.tflite"):
        done = liteport("inspect", name)
        assert (done.code, done.out) == (2, "")
        assert name in done.err


def test_errors_fit_a_terminal_whatever_a_file_is_called(folder: Path, liteport: Liteport) -> None:
    done = liteport("inspect", f"red\x1b[31m\x07{'x' * 9000}.tflite")
    assert done.code == 2
    assert len(done.err) < 2100
    assert all(c.isprintable() or c == "\n" for c in done.err)


def test_version_and_help(liteport: Liteport) -> None:
    assert liteport("--version").out == f"liteport {api.__version__}\n"
    done = liteport("--help")
    assert done.code == 0
    assert all(command in done.out for command in ("convert", "verify", "inspect", "profile"))
    assert liteport("unknown").code == 2


def test_help_imports_nothing_slow() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_reader_that_goes_away(file: Path) -> None:
    command = f"{' '.join(COMMAND)} inspect m.tflite | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.stderr == ""


def in_terminal(*arguments: str, **environment: str) -> str:
    """Everything that the command writes to a terminal of 80 columns."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm-256color", "COLUMNS": "80", **environment})
        os.execv(sys.executable, [*COMMAND, *arguments])
    written = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            written += piece
    except OSError:  # how a terminal says that its last writer has gone
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return written.decode()


CONVERT = ("convert", "m.tflite", "-o", "new.tflite", "--verify", "3000")


def test_terminal(file: Path) -> None:
    shown = in_terminal(*CONVERT)
    assert "\x1b[1mnew.tflite\x1b[0m" in shown
    assert "/3000" in shown
    *_, stages, _ = shown.split("new.tflite")[0].splitlines()
    assert all(f"{stage} " in stages for stage in ("load", "optimise", "write", "verify"))


def test_no_color(file: Path) -> None:
    shown = in_terminal(*CONVERT, NO_COLOR="1")
    assert "\x1b[1m" in shown
    assert not any(colour in shown for colour in ["\x1b[3", "\x1b[9"])
    assert "\x1b" not in in_terminal(*CONVERT, TERM="dumb")


def test_ascii_output(file: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [*COMMAND, "convert", "m.tflite", "-o", "modèle.tflite"]
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"mod\\xe8le.tflite  ")
    assert (file.parent / "modèle.tflite").exists()
