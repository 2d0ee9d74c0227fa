"""The house as docs/architecture.md draws it: who may import whom, and which heavy packages stay in their rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import liteport

ROOT = Path(liteport.__file__).parent

# room: the rooms that it may import, besides itself and errors.
MAY_IMPORT = {
    "errors": set(),
    "quiet": set(),
    "collector": set(),
    "onnx_session": set(),
    "ir": set(),
    "lowering": {"ir"},
    "formats": {"ir"},
    "passes": {"ir", "lowering"},
    "frontends.torch": {"ir", "lowering", "formats"},
    "frontends.tflite": {"ir", "lowering", "formats"},
    "frontends.onnx": {"ir", "lowering", "formats", "onnx_session"},
    "frontends.tensorflow": {"ir", "lowering", "formats"},
    "backends": {"ir", "formats"},
    "check": {"ir", "formats", "backends", "onnx_session"},
    "tune": {"ir", "backends", "passes", "check"},
    "quantize": {"ir", "lowering", "passes", "frontends.tflite", "backends", "check"},
    "model": {"ir", "backends", "check", "calling", "output", "quantize", "targets", "tune"},
    "targets": {"ir", "formats", "backends", "check", "output"},
    "calling": {"ir", "check"},
    "border": {"ir"},
    "output": {"ir"},
    "api": {
        *("ir", "lowering", "passes", "frontends.torch", "frontends.tflite", "origins"),
        *("backends", "check", "model", "border", "tune", "quantising"),
    },
    "origins": {
        *("ir", "check", "model", "frontends.torch", "frontends.onnx", "frontends.tensorflow", "frontends.tflite"),
        "formats",
    },
    "quantising": {"ir", "border", "check", "model", "quantize"},
    "to_onnx": {"ir", "border", "frontends.torch", "check", "model", "origins", "output"},
    "chain": {"api", "origins", "to_onnx", "border", "model", "output", "targets", "check"},
    "cli": {"api", "origins", "to_onnx", "chain", "model", "output", "targets", "check", "quantize", "formats"},
}
# package: the rooms in which alone it may be imported.
ONLY_IN = {
    "torch": {"frontends.torch"},
    "safetensors": {"frontends.torch"},
    "transformers": {"frontends.torch"},
    "scipy": {"passes"},
    "flatbuffers": {"formats", "backends"},
    "typer": {"cli"},
    "rich": {"cli"},
    "onnx": {"frontends.onnx"},
    "onnx_ir": {"frontends.torch"},
    "onnxruntime": {"onnx_session"},
    "google": {"frontends.onnx", "formats"},
    "tensorflow": {"formats", "frontends.tensorflow", "backends"},
    "keras": {"formats", "frontends.tensorflow", "backends"},
    "ai_edge_quantizer": {"quantize"},
}


def room(parts: tuple[str, ...]) -> str:
    """The room of a module liteport.a.b.c, by its parts after "liteport"."""
    return ".".join(parts[:2]) if parts[:1] == ("frontends",) else ".".join(parts[:1])


def modules() -> Iterator[tuple[str, Path, ast.AST]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if len(parts) > 1 or parts[0] not in ("__init__", "__main__"):
            yield room(parts), path, ast.parse(path.read_text())


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = [pytest.param(*m, id=str(m[1].relative_to(ROOT))) for m in modules()]


@pytest.mark.parametrize(("here", "path", "tree"), MODULES)
def test_imports_point_down(here: str, path: Path, tree: ast.AST) -> None:
    for name in imported(tree):
        package, *rest = name.split(".")
        if package == "liteport" and rest:
            there = room(tuple(rest))
            assert there in {here, "errors", "quiet", "collector", "__version__", *MAY_IMPORT.get(here, set())}, (
                f"{here} imports {name}"
            )
        elif package in ONLY_IN:
            assert here in ONLY_IN[package], f"{here} imports {name}"


def test_a_tflite_file_is_converted_without_torch() -> None:
    code = (
        "import sys, liteport, liteport.api, liteport.passes.pipeline, liteport.cli.main\n"
        "print([m for m in ('torch', 'onnx', 'tensorflow') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_an_onnx_file_is_converted_without_torch(tmp_path: Path) -> None:
    code = f"""
import sys, liteport
from onnx import TensorProto, helper
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy")
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
open(r"{tmp_path}/m.onnx", "wb").write(helper.make_model(graph).SerializeToString())
liteport.convert(r"{tmp_path}/m.onnx", verify=1)
print([m for m in ("torch", "tensorflow") if m in sys.modules])
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
