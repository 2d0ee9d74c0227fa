"""Opening files: weights that stay where they are, external data, damaged and malicious files."""

from __future__ import annotations

import os
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import liteport
from liteport.errors import InputError, UnsafeFileError
from liteport.frontends.onnx.entries import open_model
from liteport.frontends.onnx.source import read
from tests.frontends.onnx.harness import model

WEIGHTS = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)


def proto() -> onnx.ModelProto:
    return model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [2, 64]}, ["y"], {"w": WEIGHTS})


def test_weights_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(proto().SerializeToString())
    file = read(path)
    (tensor,) = file.proto.graph.initializer
    assert not tensor.raw_data
    array = file.array(tensor)
    assert np.array_equal(array, WEIGHTS)
    assert isinstance(array.base, memoryview | np.memmap)
    assert not array.flags.owndata
    liteport.convert(path, verify=1)


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("linked", [False, True])
def test_onnx_runtime_maps_them_too(tmp_path: Path, newest: bool, linked: bool) -> None:
    """Where it could not, ONNX's own implementation would run instead."""
    made = proto()
    made.ir_version = onnx.IR_VERSION if newest else 8
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    if linked:
        (tmp_path / "cache").mkdir()
        (tmp_path / "m.onnx").rename(tmp_path / "cache" / "blob")
        (tmp_path / "m.onnx").symlink_to(tmp_path / "cache" / "blob")
    origin = open_model(tmp_path / "m.onnx")
    x = np.random.default_rng(1).standard_normal((2, 64)).astype(np.float32)
    for _ in range(2):
        np.testing.assert_allclose(origin.run({"x": x}, "serving_default")["y"], x @ WEIGHTS, rtol=1e-5, atol=1e-5)
        assert isinstance(origin._session, onnxruntime.InferenceSession)
        origin.rest()


def test_what_onnx_runtime_lacks_is_noted() -> None:
    """A rectifier of 16 bits."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.INT16, [2, 3]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    converted = liteport.convert(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    assert converted.notes == ()
    assert converted.verify(1).passed
    assert "ONNX's reference implementation does" in converted.notes[0]


def external(folder: Path, location: str = "w.bin") -> Path:
    whole = proto()
    onnx.save(whole, folder / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    changed = onnx.load(folder / "m.onnx", load_external_data=False)
    next(e for e in changed.graph.initializer[0].external_data if e.key == "location").value = location
    (folder / "m.onnx").write_bytes(changed.SerializeToString())
    return folder / "m.onnx"


def test_external_data(tmp_path: Path) -> None:
    liteport.convert(external(tmp_path), verify=1)


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "", "link/w.bin"])
def test_external_data_outside_of_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "w.bin").write_bytes(WEIGHTS.tobytes())
    os.symlink(tmp_path, inside / "link")
    with pytest.raises(UnsafeFileError, match="outside of its own folder"):
        liteport.convert(external(inside, location))


def test_external_data_that_end_early_are_refused(tmp_path: Path) -> None:
    path = external(tmp_path)
    (tmp_path / "w.bin").write_bytes(WEIGHTS.tobytes()[:-4])
    with pytest.raises(InputError, match="tensor 'w' ends 4 bytes behind"):
        liteport.convert(path)


LIES = [
    ({"location": "w\0.bin"}, "which is no file's name"),
    ({"location": "w.bin", "length": "9" * 6000}, "which is no place in a file"),
    ({"location": "empty.bin"}, "bytes, which are not FLOAT"),
]


@pytest.mark.parametrize(("entries", "text"), LIES, ids=[text for _, text in LIES])
def test_external_data_that_lie_are_refused(tmp_path: Path, entries: dict[str, str], text: str) -> None:
    path = external(tmp_path)
    (tmp_path / "empty.bin").touch()
    proto = onnx.load(path, load_external_data=False)
    del proto.graph.initializer[0].external_data[:]
    for key, value in entries.items():
        proto.graph.initializer[0].external_data.add(key=key, value=value)
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match=text):
        liteport.convert(path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    content = proto().SerializeToString()
    path = tmp_path / "m.onnx"
    for damaged in (b"", b"hello, this is text", content[:-100], content[:40], bytes(100)):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"m\.onnx"):
            liteport.convert(path)


def test_tensors_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    wrong = proto()
    wrong.graph.initializer[0].dims[0] = 63
    path = tmp_path / "m.onnx"
    path.write_bytes(wrong.SerializeToString())
    with pytest.raises(InputError, match=r"tensor 'w' has 16384 bytes, which are not FLOAT\[63, 64\]"):
        liteport.convert(path)
    with pytest.raises(InputError, match=r"tensor 'w' has 16384 bytes, which are not FLOAT\[63, 64\]"):
        liteport.convert(wrong)


@pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"])
def test_half_precision_is_compared_in_float32(half: type) -> None:
    weights = WEIGHTS.astype(half)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(half))
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Softmax", ["a"], ["y"])]
    proto = model(nodes, {"x": [2, 64]}, ["y"], {"w": weights}, types={"x": kind, "y": kind})
    liteport.convert(proto, verify=4)


def test_rounding_is_told_from_errors_in_float64() -> None:
    wide = np.random.default_rng(0).standard_normal((20000, 4)).astype(np.float32)
    proto = model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [2, 20000]}, ["y"], {"w": wide})
    inputs = {"x": np.random.default_rng(1).standard_normal((2, 20000)).astype(np.float32)}
    doubles = open_model(proto).run_in_double(inputs, "")
    assert doubles is not None
    assert np.allclose(doubles["y"], inputs["x"].astype(np.float64) @ wide.astype(np.float64), rtol=1e-12)
