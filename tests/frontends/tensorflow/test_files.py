"""Files that are damaged, unsafe, or not what they seem: a sentence each, with what to do; and the command line."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import liteport
from liteport.cli.main import run
from liteport.errors import InputError, LiteportError, UnsafeFileError
from tests.check.test_tensorflow import Difference


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """good/ (a SavedModel), good.keras, and what was made of them."""
    home = tmp_path_factory.mktemp("files")
    module = Difference()
    tf.saved_model.save(module, str(home / "good"), signatures={"difference": module.difference})
    net = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2, name="y")])
    net.save(home / "good.keras")
    _saved_models(home)
    _archives(home, net)
    return home


def _saved_models(home: Path) -> None:
    whole = (home / "good" / "saved_model.pb").read_bytes()
    for name, content in (("truncated", whole[: len(whole) // 2]), ("garbage", b"\xff" * 99), ("novariables", whole)):
        (home / name).mkdir()
        (home / name / "saved_model.pb").write_bytes(content)


def _archives(home: Path, net: keras.Model) -> None:
    class Doubled(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 2

    x = keras.Input((4,))
    keras.Model(x, Doubled()(x)).save(home / "custom.keras")
    with zipfile.ZipFile(home / "good.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, changed in (
        ("escaping", {**parts, "../outside": b"x"}),
        ("noconfig", {n: p for n, p in parts.items() if n != "config.json"}),
        ("noweights", {n: p for n, p in parts.items() if not n.endswith(".h5")}),
        ("badconfig", {**parts, "config.json": b"{"}),
    ):
        with zipfile.ZipFile(home / f"{name}.keras", "w") as archive:
            for part, content in changed.items():
                archive.writestr(part, content)
    (home / "cut.keras").write_bytes((home / "good.keras").read_bytes()[:-60])
    with zipfile.ZipFile(home / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (1 << 24))
    (home / "empty.h5").write_bytes(b"")
    (home / "text.h5").write_bytes(b"not an HDF5 file")
    net.save_weights(home / "only.weights.h5")


FAULTS = [
    ("truncated", InputError, "truncated/saved_model.pb is no SavedModel, or a damaged one"),
    ("garbage", InputError, "garbage/saved_model.pb is no SavedModel, or a damaged one"),
    ("novariables", InputError, "novariables cannot be loaded"),
    ("escaping.keras", UnsafeFileError, "has '../outside', outside of its own folder"),
    ("bomb.keras", UnsafeFileError, "looks like a zip bomb (it would unpack to 16,777,216 bytes)"),
    ("noconfig.keras", InputError, "it has no config.json"),
    ("noweights.keras", InputError, "noweights.keras cannot be loaded"),
    ("badconfig.keras", InputError, "badconfig.keras cannot be loaded"),
    ("cut.keras", InputError, "is no .keras file, or a damaged one"),
    ("custom.keras", InputError, "has classes of its own"),
    ("empty.h5", InputError, "there is no such file, or nothing in it"),
    ("text.h5", InputError, "text.h5 cannot be loaded"),
    ("only.weights.h5", InputError, "has weights only: load them into the model"),
    ("missing.keras", InputError, "there is no such file"),
    ("missing.pb", InputError, "there is no such file"),
    ("missing/", InputError, "there is no such folder"),
    (".", InputError, "is a folder, and no SavedModel"),
]


@pytest.mark.parametrize(("name", "kind", "says"), [pytest.param(*fault, id=fault[0]) for fault in FAULTS])
def test_faults(folder: Path, name: str, kind: type[LiteportError], says: str) -> None:
    with pytest.raises(kind) as caught:
        liteport.convert(f"{folder}/{name}")
    assert says in str(caught.value)


def test_what_tensorflow_says_and_goes_on_from_is_not_passed_on(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "novariables" / "fingerprint.pb").write_bytes(b"\xff" * 9)
    with pytest.raises(InputError, match="novariables cannot be loaded"):
        liteport.convert(folder / "novariables")
    assert capfd.readouterr().err == ""


def test_code_in_a_file_needs_consent(folder: Path) -> None:
    x = keras.Input((4,), name="x")
    keras.Model(x, keras.layers.Lambda(lambda t: t * 2, name="y")(x)).save(folder / "lambda.keras")
    with pytest.raises(UnsafeFileError, match="--trust-pickle"):
        liteport.convert(folder / "lambda.keras")
    model = liteport.convert(folder / "lambda.keras", trust_pickle=True)
    assert model(np.ones((1, 4), np.float32)).tolist() == [[2, 2, 2, 2]]


def test_custom_classes_convert_from_python() -> None:
    class Doubled(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 2

    x = keras.Input((4,), name="x")
    model = liteport.convert(keras.Model(x, Doubled(name="y")(x)), verify=1)
    assert model.module.graphs[0].output_names == ["y"]


def test_the_command_line(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run(["convert", "good", "--input", "z=2,4", "--input", "a=2,4", "--json"]) == 0
    shown = capfd.readouterr()
    result = json.loads(shown.out)
    assert result["verification"]["passed"] is True
    assert [tensor["name"] for tensor in result["files"][0]["signatures"][0]["inputs"]] == ["z", "a"]
    assert (folder / "good.tflite").is_file()
    assert shown.err == ""
    assert run(["verify", "good.keras", "good.keras", "--json"]) == 0
    assert run(["convert", "good", "--inputs", "x"]) == 2
    assert "name tensors of a frozen graph (.pb): good is none" in capfd.readouterr().err
