"""A network in a file of its own, as users have it, and the command line run in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from liteport.cli.main import run

NET = '''
import torch
from torch import nn


class Net(nn.Module):
    """Seeded, so that it is always the same network."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.inner = nn.Linear(3, 4)
        self.embedding = nn.Embedding(50, 4)

    def forward(self, x):
        return torch.relu(self.inner(x))

    def track(self, x, ids):
        return {"score": self.inner(x), "rows": self.embedding(ids)}


class Talking(nn.Linear):
    def __init__(self):
        print("made")
        super().__init__(3, 3)

    def forward(self, x):
        print("called")
        return super().forward(x)


class Dependent(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Unsupported(nn.Module):
    def forward(self, x):
        return torch.linalg.det(x) + torch.special.bessel_j0(x)
'''


@dataclass
class Result:
    """What a command left: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


Liteport = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with net.py in it."""
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def liteport(capfd: pytest.CaptureFixture[str]) -> Liteport:
    """Runs `liteport ARGUMENTS`."""

    def call(*arguments: object) -> Result:
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return call
