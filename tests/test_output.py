"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from liteport import load
from liteport.backends.tflite.writer import save
from liteport.check.litert import LiteRT
from liteport.errors import InputError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module
from liteport.ir.types import DType, TensorType
from liteport.output import Writer, check_folder, check_target, parts, signature_file, staged

SCALAR = TensorType(DType.FLOAT32, ())


def adding(signature: str | None, number: float, name: str = "") -> Graph:
    graph = Graph(name or str(signature), signature=signature)
    b = Builder(graph)
    x = b.input(SCALAR, "x")
    graph.outputs, graph.output_names = [b.emit(ops.Add(), x, b.const(np.float32(number)))], ["y"]
    return graph


def writer(*graphs: Graph) -> Writer:
    return partial(save, Module(list(graphs)))


def test_targets(tmp_path: Path) -> None:
    (tmp_path / "there.tflite").write_bytes(b"old")
    (tmp_path / "link.tflite").symlink_to("there.tflite")
    assert check_target(tmp_path / "new.tflite") == tmp_path.resolve() / "new.tflite"
    assert check_target(tmp_path / "there.tflite") == tmp_path.resolve() / "there.tflite"
    assert check_target(tmp_path / "link.tflite") == tmp_path.resolve() / "there.tflite"
    assert sorted(os.listdir(tmp_path)) == ["link.tflite", "there.tflite"]
    assert (tmp_path / "there.tflite").read_bytes() == b"old"


# name of the output, a piece of the message
REFUSED = [
    ("model.lite", "must be called something.tflite"),
    ("model", "must be called something.tflite"),
    ("nowhere/model.tflite", "there is no folder"),
    ("folder.tflite", "is a folder: name the file in it"),
    ("pipe.tflite", "is not a regular file"),
    ("source.tflite", "is the source itself"),
    ("./source.tflite", "is the source itself"),
    ("/proc/model.tflite", "cannot be written to"),
]


@pytest.mark.parametrize(("name", "says"), REFUSED, ids=[r[0] for r in REFUSED])
def test_refused_targets(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder.tflite").mkdir()
    (tmp_path / "source.tflite").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.tflite")
    with pytest.raises(InputError) as caught:
        check_target(tmp_path / name, tmp_path / "source.tflite")
    assert says in str(caught.value)


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(InputError, match=r"cannot be written to \(Permission denied\)"):
        check_target(tmp_path / "m.tflite")


def test_staged_files_appear_at_the_end(tmp_path: Path) -> None:
    first, second = tmp_path / "a.tflite", tmp_path / "b.tflite"
    first.write_bytes(b"old")
    with staged({first: writer(adding("s", 1)), second: writer(adding("s", 2))}) as files:
        assert first.read_bytes() == b"old"
        assert not second.exists()
        assert LiteRT(files[second]).run({"x": np.float32(1)})["y"] == 3
    assert load(first)(1.0) == 2
    assert load(second)(1.0) == 3
    assert sorted(os.listdir(tmp_path)) == ["a.tflite", "b.tflite"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.tflite"
    target.write_bytes(b"old")
    with pytest.raises(error), staged({target: writer(adding("s", 1))}):
        raise error
    assert os.listdir(tmp_path) == ["a.tflite"]
    assert target.read_bytes() == b"old"


def test_a_model_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(Exception, match="without graphs"),
        staged({tmp_path / "a.tflite": writer(adding("s", 1)), tmp_path / "b.tflite": writer()}),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_signatures_that_make_no_file_name(tmp_path: Path) -> None:
    assert signature_file(tmp_path / "m.onnx", "a") == tmp_path / "m.a.onnx"
    with pytest.raises(InputError, match="cannot be part of a file's name"):
        signature_file(tmp_path / "m.tflite", "a/b")


def in_two(first: str, second: str) -> Writer:
    """Writes one file, and its data beside it."""

    def write(path: Path) -> None:
        path.write_text(first)
        path.with_name(f"{path.name}.data").write_text(second)

    return write


def test_a_file_and_its_data_appear_together(tmp_path: Path) -> None:
    target, data = tmp_path / "m.onnx", tmp_path / "m.onnx.data"
    for number in ("1", "2"):
        with staged({target: in_two(f"graph {number}", f"weights {number}")}):
            pass
        assert (target.read_text(), data.read_text()) == (f"graph {number}", f"weights {number}")
    assert sorted(os.listdir(tmp_path)) == ["m.onnx", "m.onnx.data"]


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_both_or_none_are_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    target, data = tmp_path / "m.onnx", tmp_path / "m.onnx.data"
    target.write_text("old graph")
    data.write_text("old weights")
    replace, calls = os.replace, []

    def refuse(source: Path, to: Path) -> None:
        calls.append(to)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        replace(source, to)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space"), staged({target: in_two("graph", "weights")}):
        pass
    assert (target.read_text(), data.read_text()) == ("old graph", "old weights")
    assert sorted(os.listdir(tmp_path)) == ["m.onnx", "m.onnx.data"]


# Folders


def folder(text: str) -> Writer:
    """Writes a folder with a file and another folder in it."""

    def write(path: Path) -> None:
        (path / "inner").mkdir(parents=True)
        (path / "mark").write_text(text)
        (path / "inner" / "data").write_text(text)

    return write


def contents(path: Path) -> list[str]:
    return [(path / "mark").read_text(), (path / "inner" / "data").read_text()]


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    target = tmp_path / "m"
    for text in ("old", "new"):
        with staged({check_folder(target, "mark", "thing"): folder(text)}) as written:
            assert contents(written[target]) == [text, text]
        assert contents(target) == [text, text]
        assert os.listdir(tmp_path) == ["m"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    with staged({check_folder(tmp_path / "link", "mark", "thing"): folder("new")}):
        pass
    assert contents(tmp_path / "there") == ["new", "new"]
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("failing", [1, 2])
def test_a_folder_is_put_in_place_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    with staged({tmp_path / "m": folder("old")}):
        pass
    replace, calls = os.replace, []

    def refuse(source: Path, to: Path) -> None:
        calls.append(to)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        replace(source, to)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space"), staged({tmp_path / "m": folder("new")}):
        pass
    assert contents(tmp_path / "m") == ["old", "old"]
    assert os.listdir(tmp_path) == ["m"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_folder_that_is_interrupted_leaves_the_old_one(tmp_path: Path, error: type[BaseException]) -> None:
    with staged({tmp_path / "m": folder("old")}):
        pass
    with pytest.raises(error), staged({tmp_path / "m": folder("new")}):
        raise error
    assert contents(tmp_path / "m") == ["old", "old"]
    assert os.listdir(tmp_path) == ["m"]


# name of the output, a piece of the message
REFUSED_FOLDERS = [
    ("file", "is a file: name a folder for the thing"),
    ("full", "is a folder with other things than a thing in it"),
    ("source", "is the source itself"),
    ("nowhere/m", "there is no folder"),
    ("/proc/m", "cannot be written to"),
]


@pytest.mark.parametrize(("name", "says"), REFUSED_FOLDERS, ids=[r[0] for r in REFUSED_FOLDERS])
def test_refused_folders(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "source").mkdir()
    with pytest.raises(InputError) as caught:
        check_folder(tmp_path / name, "mark", "thing", tmp_path / "source")
    assert says in str(caught.value)


def test_the_parts_of_a_file(tmp_path: Path) -> None:
    for name in ("m.pb", "m.pb.json", "n.pb", "m.pbx"):
        (tmp_path / name).touch()
    assert [part.name for part in parts(tmp_path / "m.pb")] == ["m.pb", "m.pb.json"]
