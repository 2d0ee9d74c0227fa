"""Files in ONNX Runtime: names in the file's order, examples, and errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import liteport
from liteport.backends.tflite.writer import save
from liteport.check.onnx_runtime import OnnxRuntime
from liteport.errors import InputError, LiteportError, UsageError, VerificationError
from liteport.ir.graph import Module
from tests.check.test_litert import ONE, TWO, subtraction

Size = int | str


def model(
    nodes: Sequence[onnx.NodeProto], inputs: Sequence[onnx.ValueInfoProto], *outputs: onnx.ValueInfoProto
) -> bytes:
    graph = helper.make_graph(nodes, "main", inputs, outputs)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


def floats(name: str, *shape: Size) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def difference(*shape: Size, factor: float = 1.0) -> bytes:
    """The twin of test_litert's: outputs "zz" = factor * (z - a) and "aa" = its square."""
    nodes = [
        helper.make_node("Sub", ["z", "a"], ["d"]),
        helper.make_node("Constant", [], ["factor"], value_float=factor),
        helper.make_node("Mul", ["d", "factor"], ["zz"]),
        helper.make_node("Mul", ["zz", "zz"], ["aa"]),
    ]
    return model(nodes, [floats("z", *shape), floats("a", *shape)], floats("zz", *shape), floats("aa", *shape))


def test_names_are_in_the_files_order(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(difference(2, 3))
    for runner in (OnnxRuntime(tmp_path / "m.onnx"), OnnxRuntime(difference(2, 3))):
        assert list(runner.signatures) == ["serving_default"]
        assert list(runner.example("serving_default")) == ["z", "a"]
        assert runner.trials("serving_default") == [{"z": (2, 3), "a": (2, 3)}]
        results = runner.run({"a": ONE, "z": TWO * 2})
        assert list(results) == ["zz", "aa"]
        np.testing.assert_array_equal(results["zz"], 3 * ONE)
        np.testing.assert_array_equal(results["aa"], 9 * ONE)


def test_open_dimensions() -> None:
    data = difference("batch", 3)
    assert OnnxRuntime(data).shapes("serving_default") == {"z": (-1, 3), "a": (-1, 3)}
    assert OnnxRuntime(data).example("serving_default")["z"].shape == (1, 3)
    assert OnnxRuntime(data, shapes={"z": (5, 3)}).example("serving_default")["z"].shape == (5, 3)
    assert OnnxRuntime(data).run({"z": TWO, "a": ONE})["zz"].shape == (2, 3)


# element type, NumPy's, the example's range
EXAMPLES = [
    (TensorProto.FLOAT, "float32", (0, 0)),
    (TensorProto.DOUBLE, "float64", (0, 0)),
    (TensorProto.FLOAT16, "float16", (0, 0)),
    (TensorProto.INT64, "int64", (0, 1)),
    (TensorProto.INT32, "int32", (0, 1)),
    (TensorProto.UINT8, "uint8", (0, 255)),
    (TensorProto.INT8, "int8", (-128, 127)),
    (TensorProto.BOOL, "bool", (False, False)),
]


@pytest.mark.parametrize(("kind", "dtype", "ends"), EXAMPLES, ids=[e[1] for e in EXAMPLES])
def test_example(kind: int, dtype: str, ends: tuple[int, int]) -> None:
    info = [helper.make_tensor_value_info(name, kind, [4]) for name in "xy"]
    runner = OnnxRuntime(model([helper.make_node("Identity", ["x"], ["y"])], info[:1], info[1]))
    example = runner.example("serving_default")["x"]
    assert example.dtype.name == dtype
    assert (example.min(), example.max()) == ends
    np.testing.assert_array_equal(runner.run({"x": example})["y"], example)


def test_inputs_without_an_array() -> None:
    text = helper.make_tensor_value_info("x", TensorProto.STRING, [2])
    same = helper.make_tensor_value_info("y", TensorProto.STRING, [2])
    runner = OnnxRuntime(model([helper.make_node("Identity", ["x"], ["y"])], [text], same))
    with pytest.raises(LiteportError, match=r"input x is a tensor\(string\)"):
        runner.example("serving_default")


def test_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08nonsense")
    with pytest.raises(LiteportError, match=r"ONNX Runtime cannot load the model: (?!.ONNXRuntimeError)"):
        OnnxRuntime(tmp_path / "m.onnx")
    with pytest.raises(LiteportError, match="ONNX Runtime cannot run the model"):
        OnnxRuntime(difference(2, 3)).run({"z": TWO, "a": ONE[:1]})
    with pytest.raises(InputError, match="there is no such file"):
        liteport.verify(tmp_path / "none.onnx", tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"pip install liteport\[onnx\]"):
        OnnxRuntime(difference(2, 3))


def test_either_side_of_a_verification(tmp_path: Path) -> None:
    save(Module([subtraction("main", "main")]), tmp_path / "m.tflite")
    (tmp_path / "m.onnx").write_bytes(difference(2, 3))
    (tmp_path / "open.onnx").write_bytes(difference("batch", 3))
    (tmp_path / "other.onnx").write_bytes(difference(2, 3, factor=2.0))
    for sides in [("m.onnx", "m.tflite"), ("m.tflite", "m.onnx"), ("m.tflite", "open.onnx"), ("m.onnx", "open.onnx")]:
        assert liteport.verify(*(tmp_path / side for side in sides)).passed
    with pytest.raises(VerificationError, match="2 of 2 outputs do not match"):
        liteport.verify(tmp_path / "other.onnx", tmp_path / "m.tflite").require()
    with pytest.raises(UsageError, match="leave the options of the border"):
        liteport.verify(tmp_path / "m.onnx", tmp_path / "m.tflite", channels_last=True)
