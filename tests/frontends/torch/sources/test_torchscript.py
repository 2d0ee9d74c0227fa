"""TorchScript, scripted and traced, in files and in Python: what follows it, under which names, and what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import liteport
from liteport.errors import InputError, UnsafeFileError, UnsupportedError, UsageError
from liteport.frontends.torch.sources import load
from tests.frontends.torch.sources.support import error_of, image

FOLLOWED = "TorchScript, which torch.export followed while it ran"
REWRITTEN = "TorchScript, which PyTorch's TS2EPConverter rewrote: torch.export alone could not follow it"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.conv(x)).mean((2, 3)))


class BySize(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        for i in range(x.shape[0]):
            y = y * 2 + i
        return y.view(y.size(0), -1) if x.dim() > 2 else y


class ByData(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:  # noqa: SIM108
            y = x + 1
        else:
            y = x - 1
        return y


class While(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while x.sum() > 0:
            x = x - 1
        return x


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])

    def forward(
        self, frame: torch.Tensor, mask: torch.Tensor | None = None, factor: float = 2.0
    ) -> dict[str, torch.Tensor]:
        for layer in self.layers:
            frame = layer(frame).relu()
        if mask is not None:
            frame = frame * mask
        return {"sum": frame * factor, "best": frame.argmax(-1)}

    @torch.jit.export
    def track(self, crop: torch.Tensor) -> torch.Tensor:
        return self.layers[0](crop)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, bidirectional=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lstm(x)[0]


class Reaching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "/tmp/written-by-a-model")
        return x


class Mapping(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.from_file("/etc/passwd", False, 3)


class AtLoading(nn.Module):
    """Its __setstate__ runs when the file is loaded."""

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return torch.ones(1), self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        torch.save(state[0], "written-by-a-model")
        self.training = state[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class Innocent(nn.Module):
    """Words in its texts are no calls."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() > 7:
            raise ValueError("save the model from_file again with ops.image")
        return x + 1


X = torch.randn(2, 4)

# name, module, inputs, whether it is traced, what followed it
MODELS: list[tuple[str, Callable[[], nn.Module], tuple[torch.Tensor, ...], bool, str]] = [
    ("scripted", Net, (image(),), False, FOLLOWED),
    ("traced", Net, (image(),), True, FOLLOWED),
    ("sizes", BySize, (image(),), False, FOLLOWED),
    ("sizes, traced", BySize, (image(),), True, FOLLOWED),
    ("lstm", Recurrent, (torch.randn(5, 2, 3),), False, FOLLOWED),
    ("lstm, traced", Recurrent, (torch.randn(5, 2, 3),), True, FOLLOWED),
    ("data", ByData, (X,), False, REWRITTEN),
    ("innocent", Innocent, (X,), False, FOLLOWED),
]  # fmt: skip


@pytest.mark.parametrize(("make", "inputs", "traced", "note"), [m[1:] for m in MODELS], ids=[m[0] for m in MODELS])
def test_files(
    tmp_path: Path, make: Callable[[], nn.Module], inputs: tuple[torch.Tensor, ...], traced: bool, note: str
) -> None:
    module = make().eval()
    script = torch.jit.trace(module, inputs) if traced else torch.jit.script(module)
    torch.jit.save(script, tmp_path / "m.pt")
    model = liteport.convert(tmp_path / "m.pt", inputs)
    assert note in model.notes
    assert model.verify(4).passed
    torch.testing.assert_close(torch.as_tensor(model(*inputs)), module(*inputs).detach(), atol=1e-5, rtol=1e-5)


def test_both_branches_are_there(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(ByData()), tmp_path / "m.pt")
    model = liteport.convert(tmp_path / "m.pt", (X,))
    assert model.runtime.example("serving_default").keys() == {"x"}
    for x in (torch.ones(2, 4), -torch.ones(2, 4)):
        assert torch.equal(torch.as_tensor(model(x)), ByData()(x))


def test_names_defaults_and_methods(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(Named()), tmp_path / "m.jit")
    model = liteport.convert(tmp_path / "m.jit", (X, torch.ones(4)), kwargs={"factor": 3.0})
    [signature] = model.inspect().signatures
    assert [tensor.name for tensor in signature.inputs] == ["frame", "mask"]
    assert {tensor.name for tensor in signature.outputs} == {"sum", "best"}
    assert model.verify(2).passed
    entries = {"all": ("forward", (X,)), "track": ("track", (X,))}
    several = liteport.convert(tmp_path / "m.jit", entries=entries)
    assert several.signatures == ("all", "track")
    assert several.verify(2).passed
    with pytest.raises(UsageError, match=r"the inputs are not those of Scripted.forward\(frame, mask"):
        liteport.convert(tmp_path / "m.jit", (X, X, 1.0, X))


@pytest.mark.parametrize("traced", [True, False])
def test_a_module_in_python_stays_as_it_is(traced: bool) -> None:
    module = Net().double()
    script = torch.jit.trace(module, image().double()) if traced else torch.jit.script(module)
    loaded = load(script)
    assert loaded.notes[0] == "float64 weights were narrowed to float32"
    assert script.training
    assert {p.dtype for p in script.parameters()} == {torch.float64}
    if not traced:  # a trace has its mode and its types in its code
        torch.testing.assert_close(loaded.module(image()), Net().eval()(image()))
    ready = torch.jit.script(Net().eval())
    assert load(ready).module.script is ready


def test_what_cannot_be_followed(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(While()), tmp_path / "m.pt")
    with pytest.raises(UnsupportedError, match=r"torch.export cannot follow Scripted.forward: .*data-dependent"):
        liteport.convert(tmp_path / "m.pt", (X,))


# name, module, what the message names
UNSAFE = [("writing", Reaching, "save"), ("mapping", Mapping, "from_file"), ("at loading", AtLoading, "save")]


@pytest.mark.parametrize(("make", "names"), [u[1:] for u in UNSAFE], ids=[u[0] for u in UNSAFE])
def test_code_that_reaches_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], nn.Module], names: str
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.jit.save(torch.jit.script(make()), "m.pt")
    Path("written-by-a-model").unlink(missing_ok=True)
    error = error_of(tmp_path / "m.pt")
    assert type(error) is UnsafeFileError
    assert f"calls {names}, which can reach files" in str(error)
    assert not Path("written-by-a-model").exists()
    assert isinstance(load(tmp_path / "m.pt", trust_pickle=True).module, nn.Module)


# name, code put into the file's, what the message names
CODE = [
    ("another library", "    ops.image.write_file(x)\n", "ops.image"),
    ("spread out", "    torch.\\\n      save (x)\n", "save"),
    ("as a method", "    (x).save('f')\n", "save"),
    ("damaged", "    '''\n", "code that cannot be read"),
]


@pytest.mark.parametrize(("code", "names"), [c[1:] for c in CODE], ids=[c[0] for c in CODE])
def test_code_is_searched_before_it_is_loaded(tmp_path: Path, code: str, names: str) -> None:
    torch.jit.save(torch.jit.script(Innocent()), tmp_path / "m.pt")
    with zipfile.ZipFile(tmp_path / "m.pt") as archive, zipfile.ZipFile(tmp_path / "new.pt", "w") as changed:
        for entry in archive.namelist():
            content = archive.read(entry)
            changed.writestr(entry, content + code.encode() if entry.endswith(".py") else content)
    error: Any = error_of(tmp_path / "new.pt")
    assert type(error) is UnsafeFileError
    assert f"calls {names}, " in str(error)


def test_names_of_classes_are_no_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision.ops.misc.Conv2dNormActivation, for one, is the type of many networks' parts."""
    monkeypatch.setattr(Innocent, "__module__", "library.ops.misc")
    torch.jit.trace(nn.Sequential(Innocent()), torch.zeros(1, 3)).save(tmp_path / "m.pt")
    with zipfile.ZipFile(tmp_path / "m.pt") as archive:
        assert any(b"library.ops.misc" in archive.read(n) for n in archive.namelist() if n.endswith(".py"))
    assert isinstance(load(tmp_path / "m.pt").module, nn.Module)


def test_damaged_files_and_needless_options(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(Innocent()), tmp_path / "m.pt")
    assert "m.pt is a whole model: --model" in str(error_of(tmp_path / "m.pt", model="a.py:Net"))
    with zipfile.ZipFile(tmp_path / "m.pt") as archive, zipfile.ZipFile(tmp_path / "bad.pt", "w") as changed:
        for entry in (e for e in archive.namelist() if not e.endswith("data.pkl")):
            changed.writestr(entry, archive.read(entry))
    assert "cannot be loaded by torch.jit" in str(error_of(tmp_path / "bad.pt"))


def test_damaged_code_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    torch.jit.save(torch.jit.script(nn.ReLU()), str(path))
    with zipfile.ZipFile(path) as archive:
        place = next(e.header_offset for e in archive.infolist() if e.filename.endswith(".py"))
    content = bytearray(path.read_bytes())
    content[place : place + 4] = b"none"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is truncated or damaged \(.*Bad magic number"):
        load(path)
