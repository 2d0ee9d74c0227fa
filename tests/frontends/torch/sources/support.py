"""A small network in every form in which it may be saved, and files that should never be loaded."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from liteport.errors import LiteportError
from liteport.frontends.torch.sources import load

SOURCE = '''
import torch
from torch import nn


class Net(nn.Module):
    """Convolution, batch norm, and a head of `classes`."""

    def __init__(self, classes=5):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, classes)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).mean((2, 3)))
'''
exec(SOURCE, globals())  # Net, here too: whole modules are pickled by its name in this file


def net(seed: int = 0, **kwargs: Any) -> Any:
    """A Net with weights that the seed decides, batch norm's statistics too, in training mode."""
    torch.manual_seed(seed)
    module = globals()["Net"](**kwargs)
    module(torch.randn(4, 3, 8, 8))
    return module


def image() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def source_file(folder: Path, name: str = "net_file.py", text: str = SOURCE) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def model_of(folder: Path) -> str:
    """What --model says for Net in a file of its own."""
    return f"{source_file(folder)}:Net"


def same_outputs(one: Any, other: Any) -> bool:
    with torch.no_grad():
        return torch.equal(one.eval()(image()), other.eval()(image()))


def error_of(*args: Any, **kwargs: Any) -> LiteportError:
    """The error of load(), which must be one that is meant for users, short, and fit for a terminal."""
    with pytest.raises(LiteportError) as raised:
        load(*args, **kwargs)
    lines = str(raised.value).splitlines()
    assert raised.value.exit_code in (1, 2)
    assert all(line.isprintable() for line in lines)
    assert len(lines) < 40
    return raised.value


class Calls:
    """Pickled as a call of `function`: what a hostile file does."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> Any:
        return self.function, self.args


class Registered:
    """The same through copyreg, with a payload that its pickler decides."""

    def __init__(self, call: Calls) -> None:
        self.call = call


copyreg.pickle(Registered, lambda it: (it.call.function, it.call.args))


def touch(marker: Path) -> Calls:
    return Calls(os.system, f"touch {marker}")


def rezip(source: Path, target: Path, *, compress: int = zipfile.ZIP_STORED, **changes: Any) -> Path:
    """A copy of a zip archive; `changes` replace (or, with None, drop) entries by the end of their name."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compress) as new:
        for entry in old.infolist():
            data: Any = old.read(entry)
            for end, change in changes.items():
                if entry.filename.endswith(end):
                    data = change(data) if callable(change) else change
            if data is not None:
                new.writestr(entry.filename, data)
    return target


def on_device(source: Path, target: Path, device: str) -> Path:
    """A zip checkpoint as if it had been saved on `device`."""

    def relabelled(data: bytes) -> bytes:
        text = device.encode()
        return data.replace(b"X\x03\x00\x00\x00cpu", b"X" + len(text).to_bytes(4, "little") + text)

    return rezip(source, target, **{"data.pkl": relabelled})


def old_tar(path: Path, payload: Any) -> Path:
    """A checkpoint in the tar format of PyTorch's first months, without tensors."""
    with tarfile.open(path, "w") as archive:
        for name, data in (("storages", 0), ("tensors", 0), ("pickle", payload)):
            text = pickle.dumps(data, protocol=2) + (pickle.dumps([], protocol=2) if name == "storages" else b"")
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    return path


def is_mapped(tensor: torch.Tensor, file: Path) -> bool:
    """Whether the tensor's memory is the file's own pages (Linux)."""
    address = tensor.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith(str(file.resolve())):
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if start <= address < end:
                return True
    return False
