"""Files of torch.export.save: loaded as they are, and never allowed to run what somebody put into them."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from liteport.errors import InputError, UnsafeFileError, UnsupportedError, UsageError
from liteport.frontends.torch.sources import load
from liteport.frontends.torch.sources.exported import _RULES, _fields
from tests.frontends.torch.sources.support import Calls, error_of, image, net, rezip, same_outputs, touch


class Varied(torch.nn.Module):
    """Dynamic shapes with arithmetic, control flow, a keyword, nested outputs and a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net()
        self.constant = torch.ones(5)

    def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> dict[str, Any]:
        y = self.net(x) * self.constant
        y = torch.cond(y.sum() > 0, torch.sin, torch.cos, (y,))
        return {"a": [y * scale], "b": torch.zeros(x.shape[0] * 2, x.shape[2] // 2 + x.shape[3])}


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pt2") / "varied.pt2"
    sizes = {"x": {0: torch.export.Dim("n", max=64), 2: 2 * torch.export.Dim("h", min=4, max=64)}, "scale": None}
    args, kwargs = (image(),), {"scale": torch.ones(())}
    torch.export.save(torch.export.export(Varied().eval(), args, kwargs, dynamic_shapes=sizes), path)
    return path


@pytest.fixture(scope="module")
def simple(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pt2") / "simple.pt2"
    torch.export.save(torch.export.export(net().eval(), (image(),)), path)
    return path


def test_a_program_is_loaded_as_it_is(simple: Path) -> None:
    loaded = load(simple)
    assert loaded.module is None
    assert loaded.root == "simple"
    assert loaded.notes == ()
    assert torch.equal(loaded.program.module()(image()), net().eval()(image()))


def test_a_varied_program_passes_every_rule(varied: Path) -> None:
    program = load(varied).program
    scale = torch.tensor(3.0)
    for size in (8, 10):
        x = torch.randn(3, 3, size, 8)
        got, expected = program.module()(x, scale=scale), Varied().eval()(x, scale=scale)
        torch.testing.assert_close(got, expected)
    assert program.example_inputs is not None


def test_the_varied_program_exercises_the_rules(varied: Path) -> None:
    """A rule whose key no longer occurs in what torch.export writes would let everything pass."""
    document = json.loads(record(varied, "models/varied.json", "models/model.json"))
    weights = json.loads(record(varied, "model_weights_config.json"))
    keys = {key for key, _ in [*_fields(document), *_fields(weights)]}
    optional = {"as_operator", "class_fqn", "user_input_name", "forward_arg_names"}
    assert set(_RULES) - optional <= keys


def record(path: Path, *ends: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return next(archive.read(name) for name in archive.namelist() if name.endswith(ends))


def edited(path: Path, target: Path, edit: Callable[[Any], None], end: str = "models/model.json") -> Path:
    """A copy of the program with its document changed in place by `edit`."""

    def change(data: bytes) -> bytes:
        document = json.loads(data)
        edit(document)
        return json.dumps(document).encode()

    return rezip(path, target, **{end: change})


def graph(document: Any) -> Any:
    return document["graph_module"]["graph"]


def call(target: str, *texts: str) -> dict[str, Any]:
    """A node that calls `target` on strings."""
    inputs = [{"name": "", "arg": {"as_string": text}, "kind": 1} for text in texts]
    return {"target": target, "inputs": inputs, "outputs": [], "metadata": {}, "is_hop_single_tensor_return": None}


def put_call(target: str) -> Callable[[Path], Callable[[Any], None]]:
    return lambda marker: lambda document: graph(document)["nodes"].insert(0, call(target, f"touch {marker}"))


def put_name(template: str) -> Callable[[Path], Callable[[Any], None]]:
    """An input whose name is Python source."""

    def make(marker: Path) -> Callable[[Any], None]:
        code = template.format(f"__import__('os').system('touch {marker}')")

        def edit(document: Any) -> None:
            text = json.dumps(document).replace('"x"', json.dumps(code))
            document.clear()
            document.update(json.loads(text))

        return edit

    return make


def put_expression(marker: Path) -> Callable[[Any], None]:
    def edit(document: Any) -> None:
        code = f"__import__('os').system('touch {marker}')"
        value = next(iter(graph(document)["tensor_values"].values()))
        value["sizes"][0] = {"as_expr": {"expr_str": code, "hint": {"as_int": 2}}}

    return edit


def put_expression_in(wrap: Callable[[str], Any]) -> Callable[[Path], Callable[[Any], None]]:
    """The same inside of a container, which sympify opens."""

    def make(marker: Path) -> Callable[[Any], None]:
        def edit(document: Any) -> None:
            put_expression(marker)(document)
            expression = next(iter(graph(document)["tensor_values"].values()))["sizes"][0]["as_expr"]
            expression["expr_str"] = wrap(expression["expr_str"])

        return edit

    return make


def put_attribute(marker: Path) -> Callable[[Any], None]:
    def edit(document: Any) -> None:
        spec = document["graph_module"]["signature"]["input_specs"][0]
        spec["parameter"]["parameter_name"] = f'x") or __import__("os").system("touch {marker}") #'

    return edit


def put_tree(type_: str, context: Any) -> Callable[[Path], Callable[[Any], None]]:
    def make(marker: Path) -> Callable[[Any], None]:
        def edit(document: Any) -> None:
            signature = document["graph_module"]["module_call_graph"][0]["signature"]
            child = {"type": type_, "context": json.dumps(context), "children_spec": []}
            args = {"type": "builtins.tuple", "context": "null", "children_spec": []}
            children = [args, child]
            tree = {"type": "builtins.tuple", "context": "null", "children_spec": children}
            signature["in_spec"] = json.dumps([1, tree])

        return edit

    return make


EDITS: dict[str, tuple[Callable[[Path], Callable[[Any], None]], str]] = {
    "os": (put_call("torch.os.system"), "'torch.os.system' as target"),
    "deeper": (put_call("torch.nn.os.system"), "'torch.nn.os.system' as target"),
    "dunder": (put_call("torch.ops.aten.__class__"), "'torch.ops.aten.__class__' as target"),
    "library": (put_call("torch.ops.load_library"), "'torch.ops.load_library' as target"),
    "packet": (put_call("torch.ops.aten.add.overloads"), "as target"),
    "operator": (put_call("_operator.methodcaller"), "'_operator.methodcaller' as target"),
    "file": (put_call("torch.ops.aten.from_file.default"), "as target"),
    "other library": (put_call("torch.ops.image.write_file.default"), "as target"),
    "expression": (put_expression, "as expr_str"),
    "expression in a list": (put_expression_in(lambda text: [text]), "as expr_str"),
    "expression in a dict": (put_expression_in(lambda text: {"x": text}), "as expr_str"),
    "input name": (put_name("x={}"), "as name"),
    "keyword": (put_name("x, y={}"), "as name"),
    "parameter name": (put_attribute, "as parameter_name"),
    "keyword argument": (put_tree("builtins.dict", ["x=__import__('os').abort()"]), "as in_spec"),
    "enum": (put_tree("builtins.list", {"__enum__": True, "fqn": "antigravity:x", "name": "y"}), "as in_spec"),
    "default": (put_tree("collections.defaultdict", {"default_factory_module": "os"}), "as in_spec"),
}


@pytest.mark.parametrize("name", EDITS)
def test_documents_that_would_run_code(name: str, simple: Path, tmp_path: Path) -> None:
    make, text = EDITS[name]
    path = edited(simple, tmp_path / "evil.pt2", make(tmp_path / "ran"))
    error = error_of(path)
    assert type(error) is UnsafeFileError
    assert text in str(error)
    assert "--trust-pickle" in str(error)
    assert not (tmp_path / "ran").exists()


def test_the_expression_would_have_run(simple: Path, tmp_path: Path) -> None:
    """What shows that the rules are needed: on the user's word the same file runs its code."""
    path = edited(simple, tmp_path / "evil.pt2", put_expression(tmp_path / "ran"))
    assert isinstance(error_of(path, trust_pickle=True), InputError)
    assert (tmp_path / "ran").exists()


def test_a_second_program_under_an_odd_name_is_checked_too(simple: Path, tmp_path: Path) -> None:
    """torch.export takes all of models/ for programs, and cuts five letters off for their names."""
    path = rezip(simple, tmp_path / "evil.pt2")
    evil = edited(simple, tmp_path / "a.pt2", put_expression(tmp_path / "ran"))
    with zipfile.ZipFile(path, "a") as archive:
        root = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{root}/models/other_text", record(evil, "models/model.json"))
        for kind, end in (
            ("sample_inputs", ".pt"),
            ("weights", "_weights_config.json"),
            ("constants", "_constants_config.json"),
        ):
            archive.writestr(f"{root}/data/{kind}/other{end}", record(simple, f"{kind}/model{end}"))
    error = error_of(path)
    assert type(error) is UnsafeFileError
    assert "models/other_text has" in str(error)
    assert isinstance(error_of(path, trust_pickle=True), InputError)
    assert (tmp_path / "ran").exists()


def torch_saved(payload: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    return buffer.getvalue()


def test_sample_inputs_are_read_weights_only(simple: Path, tmp_path: Path) -> None:
    change = {"sample_inputs/model.pt": torch_saved(((touch(tmp_path / "ran"),), {}))}
    path = rezip(simple, tmp_path / "evil.pt2", **change)
    error = error_of(path)
    assert type(error) is UnsafeFileError
    assert f"a pickle that would import {os.system.__module__}.system" in str(error)
    assert not (tmp_path / "ran").exists()
    assert load(path, trust_pickle=True).program is not None
    assert (tmp_path / "ran").exists()


def test_weights_that_claim_to_need_a_pickle(simple: Path, tmp_path: Path) -> None:
    def edit(document: Any) -> None:
        next(iter(document["config"].values()))["use_pickle"] = True

    path = edited(simple, tmp_path / "a.pt2", edit, "model_weights_config.json")
    path = rezip(path, tmp_path / "evil.pt2", **{"weights/weight_0": torch_saved(touch(tmp_path / "ran"))})
    assert type(error_of(path)) is UnsafeFileError
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["opaque_obj_0", "custom_obj_0", "../../x"])
def test_constants_that_are_objects(kind: str, simple: Path, tmp_path: Path) -> None:
    def edit(document: Any) -> None:
        document["config"]["c"] = {"path_name": kind, "is_param": False, "use_pickle": True, "tensor_meta": None}

    path = edited(simple, tmp_path / "a.pt2", edit, "model_constants_config.json")
    with_object = tmp_path / "evil.pt2"
    rezip(path, with_object)
    with zipfile.ZipFile(with_object, "a") as archive:
        root = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{root}/data/constants/opaque_obj_0", pickle.dumps(touch(tmp_path / "ran")))
    error = error_of(with_object)
    assert type(error) is UnsafeFileError
    assert f"{kind!r} as path_name" in str(error)
    assert not (tmp_path / "ran").exists()


def test_conditions_on_the_inputs_are_never_run(varied: Path, tmp_path: Path) -> None:
    def edit(document: Any) -> None:
        document["guards_code"] = [f"__import__('os').system('touch {tmp_path / 'ran'}') == 0"]

    program = load(edited(varied, tmp_path / "evil.pt2", edit)).program
    program.module()(image(), scale=torch.ones(()))
    assert not (tmp_path / "ran").exists()


def test_the_environment_is_left_as_it_was(simple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)
    assert load(simple).program is not None
    assert os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] == "1"
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_compiled_packages(simple: Path, tmp_path: Path) -> None:
    path = rezip(simple, tmp_path / "aoti.pt2")
    with zipfile.ZipFile(path, "a") as archive:
        root = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{root}/data/aotinductor/model/x.so", b"\x7fELF")
    error = error_of(path)
    assert type(error) is UnsupportedError
    assert "aoti.pt2 holds code compiled by AOTInductor" in str(error)


@pytest.mark.parametrize("changes", [{"models/model.json": b"{"}, {"models/model.json": b"[]"}, {"weight_0": None},
                                     {"models/model.json": None}, {"archive_version": b"99"},
                                     {"weight_0": b"123"}])  # fmt: skip
def test_damaged_programs(changes: dict[str, Any], simple: Path, tmp_path: Path) -> None:
    error = error_of(rezip(simple, tmp_path / "bad.pt2", **changes))
    assert type(error) is InputError
    assert "is truncated or damaged" in str(error) or "cannot be loaded by torch.export" in str(error)


def test_an_operator_that_is_not_there_is_named(simple: Path, tmp_path: Path) -> None:
    path = edited(simple, tmp_path / "bad.pt2", put_call("torch.ops.aten.not_there.default")(tmp_path))
    error = error_of(path)
    assert type(error) is InputError
    assert "We failed to resolve torch.ops.aten.not_there.default to an operator" in str(error)


def test_a_program_takes_no_model_options(simple: Path) -> None:
    assert type(error_of(simple, model="torch.nn:ReLU")) is UsageError


def test_a_program_under_another_name_is_known_by_its_content(simple: Path, tmp_path: Path) -> None:
    path = rezip(simple, tmp_path / "program.pth")
    assert torch.equal(load(path).program.module()(image()), net().eval()(image()))


def test_a_program_in_a_checkpoint_is_no_program(tmp_path: Path) -> None:
    torch.save({"x": Calls(eval, "1")}, tmp_path / "x.pt2")
    assert type(error_of(tmp_path / "x.pt2")) is UnsafeFileError
    assert same_outputs(net(), net())
