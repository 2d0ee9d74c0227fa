"""Hostile, damaged and mistaken files: one clear sentence each, and nothing runs."""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from liteport.errors import InputError, UnsafeFileError
from liteport.frontends.torch.sources import load
from liteport.frontends.torch.sources.pickles import names_in_pickle
from tests.frontends.torch.sources.support import (
    Calls,
    Registered,
    error_of,
    model_of,
    net,
    old_tar,
    rezip,
    touch,
)

# The payloads, with the name under which each is reported.
PAYLOADS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "os.system": (touch, f"{os.system.__module__}.system"),
    "eval": (lambda m: Calls(eval, f"open({str(m)!r}, 'w')"), "builtins.eval"),
    "exec": (lambda m: Calls(exec, f"open({str(m)!r}, 'w')"), "builtins.exec"),
    "open": (lambda m: Calls(open, str(m), "w"), "open"),
    "getattr": (lambda m: Calls(getattr, Calls(__import__, "os"), "system"), "builtins.getattr"),
    "copyreg": (lambda m: Registered(touch(m)), f"{os.system.__module__}.system"),
    "nested": (lambda m: {"state_dict": {"w": torch.ones(2), "x": [({"y": touch(m)},)]}}, "system"),
    "beside weights": (lambda m: {**net().state_dict(), "extra": touch(m)}, "system"),
    "a list of them": (lambda m: [touch(m), Calls(eval, "1")], "builtins.eval"),
    "as a key": (lambda m: {Calls(eval, f"open({str(m)!r}, 'w').name"): torch.ones(2)}, "builtins.eval"),
}


def save_zip(payload: Any, path: Path) -> None:
    torch.save(payload, path)


def save_legacy(payload: Any, path: Path) -> None:
    torch.save(payload, path, _use_new_zipfile_serialization=False)


def save_protocol_4(payload: Any, path: Path) -> None:
    torch.save(payload, path, pickle_protocol=4)


def save_pickle(payload: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(payload))


def save_text_pickle(payload: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(payload, protocol=0))


@pytest.mark.parametrize("save", [save_zip, save_legacy, save_protocol_4, save_pickle, save_text_pickle])
@pytest.mark.parametrize("name", PAYLOADS)
def test_payloads_do_not_run(name: str, save: Callable[[Any, Path], None], tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "evil.pth"
    make, reported = PAYLOADS[name]
    save(make(marker), path)
    for options in ({}, {"model": model_of(tmp_path)}):
        error = error_of(path, **options)
        assert type(error) is UnsafeFileError
        assert reported in str(error)
        assert "--trust-pickle" in str(error)
    assert not marker.exists()


def test_a_payload_in_the_tar_format_does_not_run(tmp_path: Path) -> None:
    error = error_of(old_tar(tmp_path / "evil.pth", touch(tmp_path / "ran")))
    assert type(error) is UnsafeFileError
    assert f"would import {os.system.__module__}.system" in str(error)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("save", [save_zip, save_legacy, save_pickle])
def test_the_payload_runs_on_the_users_word_only(save: Callable[[Any, Path], None], tmp_path: Path) -> None:
    """What shows that the payloads above would have worked."""
    save(touch(tmp_path / "ran"), tmp_path / "evil.pth")
    assert "holds a int" in str(error_of(tmp_path / "evil.pth", trust_pickle=True))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("opcodes", "names"),
    [
        (b"cos\nsystem\n.", ["os.system"]),
        (b"(ios\nsystem\n.", ["os.system"]),
        (b"c__builtin__\neval\n.", ["builtins.eval"]),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", ["os.system"]),
        (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93h\x00h\x01\x93.", ["os.system", "os.system"]),
        (b"\x80\x02X\x02\x00\x00\x00osq\x05X\x06\x00\x00\x00systemq\x060h\x05h\x06\x93.", ["os.system"]),
        (b"\x80\x04K\x01\x93.", ["?"]),
        (b"\x80\x02]q\x00.", []),
    ],
)
def test_names_are_read_from_every_opcode_that_imports(opcodes: bytes, names: list[str]) -> None:
    assert list(names_in_pickle(io.BytesIO(opcodes))) == names


def test_a_long_list_of_names_is_cut_and_printable(tmp_path: Path) -> None:
    names = b"".join(b"cevil\nname%d\x1b[31m\n0" % i for i in range(40))
    (tmp_path / "evil.pth").write_bytes(b"\x80\x02" + names + b"N.")
    text = str(error_of(tmp_path / "evil.pth"))
    assert "evil.name0\\x1b[31m, evil.name1" in text
    assert "and 28 more" in text


def test_names_of_tensors_are_printable(tmp_path: Path) -> None:
    torch.save({"\x1b[31m\n\nweight": torch.ones(2)}, tmp_path / "w.pth")
    assert "\\x1b[31m\\n\\nweight [2]" in str(error_of(tmp_path / "w.pth"))
    assert "\\x1b[31m\\n\\nweight [2]" in str(error_of(tmp_path / "w.pth", model=model_of(tmp_path)))


# Archives


def archive(path: Path, entries: list[tuple[str, bytes]], compress: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compress) as zipped:
        for name, data in entries:
            zipped.writestr(name, data)
    return path


def checkpoint(tmp_path: Path) -> Path:
    torch.save(net().state_dict(), tmp_path / "good.pth")
    return tmp_path / "good.pth"


def overlapping(tmp_path: Path) -> Path:
    """Many entries of the directory that share one entry's bytes: a bomb without compression."""
    path = archive(tmp_path / "bad.pth", [("a/data.pkl", b"N."), ("a/data/00", bytes(1 << 16))])
    data = bytearray(path.read_bytes())
    start = data.rindex(b"PK\x05\x06")
    directory = data.index(b"PK\x01\x02")
    entry = data[data.index(b"PK\x01\x02", directory + 4) : start]
    copies = b"".join(bytes(entry).replace(b"data/00", b"data/%02d" % i) for i in range(1, 60))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 61, 61, start - directory + len(copies), directory, 0)
    path.write_bytes(bytes(data[:start]) + copies + end)
    return path


def lying_size(tmp_path: Path) -> Path:
    """A stored entry whose directory claims four gigabytes."""
    path = checkpoint(tmp_path)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 20 : at + 28] = struct.pack("<LL", 0xFFFFFFF0, 0xFFFFFFF0)
    path.write_bytes(data)
    return path


HOSTILE_ARCHIVES: dict[str, tuple[Callable[[Path], Path], type[Exception], str]] = {
    "bomb": (
        lambda tmp: archive(
            tmp / "bad.pth", [("a/data.pkl", b"N."), ("a/data/0", bytes(1 << 27))], compress=zipfile.ZIP_DEFLATED
        ),
        UnsafeFileError,
        "looks like a zip bomb",
    ),
    "bomb of a pickle": (
        lambda tmp: archive(tmp / "bad.pth", [("a/data.pkl", bytes(1 << 26))], compress=zipfile.ZIP_DEFLATED),
        UnsafeFileError,
        "would inflate to 67,108,864",
    ),
    "overlap": (overlapping, UnsafeFileError, "looks like a zip bomb"),
    "lying size": (lying_size, InputError, "claims 4,294,967,280 bytes, the file has"),
    "traversal": (
        lambda tmp: archive(tmp / "bad.pth", [("a/data.pkl", b"N."), ("a/../../evil", b"x")]),
        UnsafeFileError,
        "reaches outside of the archive: 'a/../../evil'",
    ),
    "absolute": (lambda tmp: archive(tmp / "bad.pth", [("/etc/cron.d/x", b"x")]), UnsafeFileError, "reaches outside"),
    "drive": (lambda tmp: archive(tmp / "bad.pth", [("C:\\x", b"x")]), UnsafeFileError, "reaches outside"),
    "backslash": (lambda tmp: archive(tmp / "bad.pth", [("a\\..\\..\\x", b"x")]), UnsafeFileError, "reaches outside"),
    "other archive": (
        lambda tmp: archive(tmp / "bad.pth", [("notes.txt", b"hello")]),
        InputError,
        "is a zip archive, but not a PyTorch model (it holds notes.txt)",
    ),
    "pickle of nothing": (
        lambda tmp: archive(tmp / "bad.pth", [("a/data.pkl", b""), ("a/version", b"3\n")]),
        InputError,
        "is truncated or damaged",
    ),
    "missing tensor": (
        lambda tmp: rezip(checkpoint(tmp), tmp / "bad.pth", **{"data/0": None}),
        InputError,
        "is truncated or damaged",
    ),
    "short tensor": (
        lambda tmp: rezip(checkpoint(tmp), tmp / "bad.pth", compress=zipfile.ZIP_DEFLATED, **{"data/0": b"123"}),
        InputError,
        "is truncated or damaged",
    ),
    "damaged pickle": (
        lambda tmp: rezip(checkpoint(tmp), tmp / "bad.pth", **{"data.pkl": lambda data: data[:100]}),
        InputError,
        "is truncated or damaged",
    ),
}


@pytest.mark.parametrize("name", HOSTILE_ARCHIVES)
def test_archives_that_cannot_be_believed(name: str, tmp_path: Path) -> None:
    make, kind, text = HOSTILE_ARCHIVES[name]
    path = make(tmp_path)
    for options in ({}, {"model": model_of(tmp_path)}, {"trust_pickle": True}):
        error = error_of(path, **options)
        assert type(error) is kind
        assert text in str(error)


def test_two_entries_of_one_name(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(tmp_path / "bad.pth", [("a/data.pkl", b"N."), ("a/data.pkl", b"cos\nsystem\n.")])
    assert "holds two entries called 'a/data.pkl'" in str(error_of(path))


# Files that are something else


def lying_safetensors(tmp_path: Path, header: bytes, length: int | None = None, data: bytes = bytes(8)) -> Path:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)
    return path


def header(shape: str = "[2]", offsets: str = "[0,8]") -> bytes:
    return f'{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}'.encode()


def written(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(tmp_path: Path) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return make


def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.pth").touch()
    return tmp_path


def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "bad.pth")
    return tmp_path / "bad.pth"


NO_SAFETENSORS = "is no valid safetensors file (SafetensorError: "

MISTAKES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda tmp: tmp / "nowhere.pth", "there is no such file"),
    "missing folder": (lambda tmp: tmp / "no" / "where.pth", "there is no such file, nor a folder"),
    "misspelt": (lambda tmp: (written("model.pth", b"x")(tmp), tmp / "mdel.pth")[1], "; there is model.pth"),
    "folder": (
        folder,
        "is a folder, and no SavedModel (it has no saved_model.pb): name the file in it, such as model.pth",
    ),
    "empty folder": (
        lambda tmp: tmp,
        "is a folder, and no SavedModel (it has no saved_model.pb): name the file in it; it holds no model",
    ),
    "empty": (written("bad.pth", b""), "is empty (0 bytes)"),
    "empty safetensors": (written("bad.safetensors", b""), "is empty (0 bytes)"),
    "text": (written("bad.pth", b"hello world\n"), "is no PyTorch model"),
    "text like opcodes": (written("bad.pth", b"config: 1\nname: x\nlayers: 2\n"), "is no PyTorch model"),
    "bytes": (written("bad.pth", bytes(range(256)) * 9), "is no PyTorch model"),
    "zeros": (written("bad.pth", bytes(4096)), "is no PyTorch model"),
    "pickle without tensors": (written("bad.pth", pickle.dumps([1, 2])), "is a plain pickle without any tensor"),
    "web page": (written("bad.pth", b"<!DOCTYPE html>\n<html></html>"), "is a web page: the download went wrong"),
    "lfs": (written("bad.safetensors", b"version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"),
    "gzip": (written("bad.pth", b"\x1f\x8b\x08" + bytes(20)), "compressed by gzip"),
    "keras": (written("bad.h5", b"\x89HDF\r\n\x1a\n" + bytes(20)), "is an HDF5 file"),
    "half a zip": (lambda tmp: written("b.pth", checkpoint(tmp).read_bytes()[:2000])(tmp), "is truncated or damaged"),
    "python": (written("net.py", b"class Net: pass\ndef make(): pass"), "net.py:Factory (it defines Net, make)"),
    "fifo": (fifo, "is not a regular file"),
    "header past the end": (
        lambda tmp: lying_safetensors(tmp, header(), 1 << 20),
        NO_SAFETENSORS,
    ),
    "header of exabytes": (
        lambda tmp: lying_safetensors(tmp, header(), 1 << 62),
        NO_SAFETENSORS,
    ),
    "data past the end": (
        lambda tmp: lying_safetensors(tmp, header("[200]", "[0,800]")),
        NO_SAFETENSORS,
    ),
    "shape too big": (
        lambda tmp: lying_safetensors(tmp, header("[99999999999]")),
        NO_SAFETENSORS,
    ),
    "offsets backwards": (
        lambda tmp: lying_safetensors(tmp, header(offsets="[8,0]")),
        NO_SAFETENSORS,
    ),
    "no json": (lambda tmp: lying_safetensors(tmp, b"{hello}"), NO_SAFETENSORS),
    "truncated safetensors": (
        lambda tmp: lying_safetensors(tmp, header(), data=b"123"),
        NO_SAFETENSORS,
    ),
    "too long a name": (lambda tmp: tmp / ("x" * 3000), "cannot be read (File name too long)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_files_that_are_no_models(name: str, tmp_path: Path) -> None:
    make, text = MISTAKES[name]
    error = error_of(make(tmp_path), model=None if name == "python" else "torch.nn:ReLU")
    assert isinstance(error, InputError)
    assert text in str(error)


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint(tmp_path)

    def denied(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # root may read everything, so chmod proves nothing
    assert "cannot be read (Permission denied): check the path and its permissions" in str(error_of(path))


@pytest.mark.parametrize("size", [1, 3, 7, 20, 60])
@pytest.mark.parametrize("save", [save_zip, save_legacy, save_file])
def test_truncated_files(save: Callable[[Any, Path], None], size: int, tmp_path: Path) -> None:
    path = tmp_path / f"bad{'.safetensors' if save is save_file else '.pth'}"
    save(dict(net().state_dict()), path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * size // 64])
    assert isinstance(error_of(path, model=model_of(tmp_path)), InputError)


@pytest.mark.parametrize("save", [save_zip, save_legacy, save_file, save_pickle])
def test_any_damage_is_a_sentence_or_harmless(save: Callable[[Any, Path], None], tmp_path: Path) -> None:
    path = tmp_path / f"bad{'.safetensors' if save is save_file else '.pth'}"
    save(dict(net().state_dict()), path)
    good, model, random_bytes = path.read_bytes(), model_of(tmp_path), random.Random(0)
    for _ in range(60):
        data = bytearray(good)
        for _ in range(random_bytes.choice([1, 4, 16])):
            data[random_bytes.randrange(len(data))] = random_bytes.randrange(256)
        path.write_bytes(data)
        with suppress(InputError):  # the damage may be in a weight, and go unseen
            load(path, model=model)


def test_nothing_of_a_refused_file_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap_module.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil.pth").write_bytes(b"\x80\x02ctrap_module\nx\n.")
    assert "trap_module.x" in str(error_of(tmp_path / "evil.pth", source_dir=tmp_path))
    assert "trap_module" not in sys.modules
