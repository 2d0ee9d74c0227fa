"""What --model may name, how it is called, and whose errors are whose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from liteport.errors import InputError, UsageError
from liteport.frontends.torch.sources import load
from liteport.frontends.torch.sources.factory import Factory, parse_args
from liteport.frontends.torch.sources.torchscript import Scripted
from tests.frontends.torch.sources.support import SOURCE, error_of, net, same_outputs, source_file


@pytest.mark.parametrize(
    ("text", "factory"),
    [
        ("net.py:Net", Factory(Path("net.py"), "Net")),
        ("a/b c/net.py:Net.small", Factory(Path("a/b c/net.py"), "Net.small")),
        ("C:/x/net.py:Net", Factory(Path("C:/x/net.py"), "Net")),
        ("pkg.models:make", Factory("pkg.models", "make")),
        ("net:Net", Factory("net", "Net")),
        ("net.py", None),
        ("net.py:", None),
        (":Net", None),
        ("net.py:Net()", None),
        ("a b:Net", None),
        ("weights.pth", None),
        ("some/where:Net", None),
    ],
)
def test_forms_of_a_factory(text: str, factory: Factory | None) -> None:
    assert Factory.parse(text) == factory


@pytest.mark.parametrize(
    ("text", "args"),
    [
        (None, {}),
        ("", {}),
        ({"a": 1}, {"a": 1}),
        ("a=1", {"a": 1}),
        ("a=1,b=0.5, c=text", {"a": 1, "b": 0.5, "c": "text"}),
        ("sizes=[1,2,3],pair=(4,5),name='a,b'", {"sizes": [1, 2, 3], "pair": (4, 5), "name": "a,b"}),
        ("a=true,b=False,c=None,d=null", {"a": True, "b": False, "c": None, "d": None}),
        ("config=./configs/net-s.yaml", {"config": "./configs/net-s.yaml"}),
        ("a=", {"a": ""}),
        ('{"a": [1, {"b": null}], "c": true}', {"a": [1, {"b": None}], "c": True}),
    ],
)
def test_arguments(text: Any, args: dict[str, Any]) -> None:
    assert parse_args(text) == args


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("classes", "'classes' is not name=value"),
        ("3=4", "'3=4' is not name=value"),
        ("a=1,b", ""),
        ("[1, 2]", "must be a JSON object"),
        ('{"a": 1', "is not JSON"),
    ],
)
def test_arguments_that_are_none(text: str, error: str) -> None:
    if not error:
        assert parse_args(text) == {"a": "1,b"}  # a comma inside of a value
        return
    with pytest.raises(UsageError, match="--model-args") as raised:
        parse_args(text)
    assert error in str(raised.value)


MORE = (
    SOURCE
    + """

def make(classes=5, **options):
    return Net(classes)


def seeded():
    torch.manual_seed(0)
    module = Net()
    module(torch.randn(4, 3, 8, 8))
    return module.eval()


built = Net(7)
number = 3


class Maker:
    @staticmethod
    def small():
        return Net(2)
"""
)


@pytest.mark.parametrize(
    ("name", "args", "classes", "root"),
    [
        ("Net", None, 5, "Net"),
        ("Net", "classes=8", 8, "Net"),
        ("Net", {"classes": 8}, 8, "Net"),
        ("make", '{"classes": 6, "other": 1}', 6, "make"),
        ("built", None, 7, "built"),
        ("Maker.small", None, 2, "small"),
    ],
)
def test_a_class_a_function_or_a_module(name: str, args: Any, classes: int, root: str, tmp_path: Path) -> None:
    loaded = load(f"{source_file(tmp_path, text=MORE)}:{name}", model_args=args)
    assert loaded.module.head.out_features == classes
    assert loaded.root == root
    assert loaded.notes == ("training mode was switched off",)


def test_a_factory_may_load_its_own_weights(tmp_path: Path) -> None:
    torch.save(net().state_dict(), tmp_path / "own.pth")
    own = "\n\ndef trained():\n    module = Net()\n"
    own += f"    module.load_state_dict(torch.load({str(tmp_path / 'own.pth')!r}))\n    return module\n"
    assert same_outputs(load(f"{source_file(tmp_path, text=SOURCE + own)}:trained").module, net())


@pytest.mark.parametrize(
    ("name", "args", "kind", "text"),
    [
        ("Nett", None, InputError, "has no Nett; it has Net"),
        ("Maker.large", None, InputError, "has no Maker.large"),
        ("number", None, InputError, "number is a int: name an nn.Module class or a function that makes one"),
        ("Maker", None, InputError, "returned a Maker: name a factory that returns the nn.Module itself"),
        ("built", "a=1", UsageError, "was built already: it takes no --model-args"),
        ("Net", "size=1", UsageError, "does not take (size=1): got an unexpected keyword argument 'size'"),
    ],
)
def test_factories_that_are_none(name: str, args: str | None, kind: type[Exception], text: str, tmp_path: Path) -> None:
    error = error_of(f"{source_file(tmp_path, text=MORE)}:{name}", model_args=args)
    assert type(error) is kind
    assert text in str(error)


def test_a_missing_argument_names_the_option(tmp_path: Path) -> None:
    text = SOURCE.replace("classes=5", "classes")
    error = error_of(f"{source_file(tmp_path, text=text)}:Net")
    assert "Net(classes) does not take (): missing a required argument: 'classes'; say it with --model-args" in str(
        error
    )


FAILING = {
    "raise": ("def make():\n    x = 1\n    raise ValueError('no GPU\\nhere')", ":3: ValueError: no GPU"),
    "deep": ("import torch\n\ndef make():\n    return torch.ones(2) @ torch.ones(3)", ":4: RuntimeError: "),
    "syntax": ("def make(:\n    pass", ":1: SyntaxError: "),
    "import": ("import not_there_at_all", ":1: ModuleNotFoundError: No module named 'not_there_at_all'"),
    "exit": ("import argparse\n\nargparse.ArgumentParser().parse_args(['--x'])\n", ":3: SystemExit: 2"),
    "sibling": ("import broken_sibling", "broken_sibling.py:2: ZeroDivisionError: division by zero"),
    "relative": ("from . import there", ":1: ImportError: attempted relative import with no known parent package"),
}


@pytest.mark.parametrize("name", FAILING)
def test_errors_of_the_users_own_code(name: str, tmp_path: Path) -> None:
    text, expected = FAILING[name]
    source_file(tmp_path, "broken_sibling.py", "\n1 / 0\n")
    path = source_file(tmp_path, text=text)
    error = error_of(f"{path}:make")
    assert type(error) is InputError
    assert f"{path}:make() failed at " in str(error) or f"running {path} failed at " in str(error)
    assert expected in str(error)
    assert error.__cause__ is not None


def test_a_file_imports_its_siblings_and_nothing_stays_on_the_path(tmp_path: Path) -> None:
    source_file(tmp_path, "parts.py")
    source_file(tmp_path, "deep/more.py", "WIDTH = 9")
    path = source_file(
        tmp_path, text="from deep.more import WIDTH\nfrom parts import Net\n\ndef make():\n    return Net(WIDTH)"
    )
    before = list(sys.path)
    assert load(f"{path}:make").module.head.out_features == 9
    assert sys.path == before


def test_a_function_may_import_its_siblings_when_it_is_called(tmp_path: Path) -> None:
    source_file(tmp_path, "late_parts.py")
    path = source_file(tmp_path, text="def make():\n    from late_parts import Net\n    return Net(4)\n")
    assert load(f"{path}:make").module.head.out_features == 4


def test_a_file_of_a_package_may_import_relatively(tmp_path: Path) -> None:
    source_file(tmp_path, "zoo_pkg/__init__.py", "")
    source_file(tmp_path, "zoo_pkg/nets/__init__.py", "from ..sizes import WIDTH")
    source_file(tmp_path, "zoo_pkg/sizes.py", "WIDTH = 6")
    source_file(tmp_path, "zoo_pkg/parts.py")
    text = "from ..parts import Net\nfrom . import WIDTH\n\ndef make():\n    return Net(WIDTH)"
    path = source_file(tmp_path, "zoo_pkg/nets/one.py", text)
    assert load(f"{path}:make").module.head.out_features == 6


def test_two_projects_may_use_the_same_names(tmp_path: Path) -> None:
    for width in (3, 4):
        source_file(tmp_path / str(width), "models/__init__.py", "")
        source_file(tmp_path / str(width), "models/sizes.py", f"WIDTH = {width}")
        text = SOURCE + "\n\ndef make():\n    from models.sizes import WIDTH\n    return Net(WIDTH)\n"
        path = source_file(tmp_path / str(width), "model.py", text)
        assert load(f"{path}:make").module.head.out_features == width


def test_a_file_may_have_the_name_of_a_standard_module(tmp_path: Path) -> None:
    import types

    path = source_file(tmp_path, "types.py")
    assert type(load(f"{path}:Net").module).__name__ == "Net"
    assert sys.modules["types"] is types


def test_a_file_that_was_edited_is_read_again(tmp_path: Path) -> None:
    path = source_file(tmp_path)
    assert load(f"{path}:Net").module.head.out_features == 5
    source_file(tmp_path, text=SOURCE.replace("classes=5", "classes=66"))
    assert load(f"{path}:Net").module.head.out_features == 66


def test_dataclasses_and_annotations_in_a_file(tmp_path: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
    text += "@dataclass\nclass C:\n    n: int = 4\n"
    path = source_file(tmp_path, text=text + SOURCE + "\n\ndef make():\n    return Net(C().n)\n")
    assert load(f"{path}:make").module.head.out_features == 4


# Modules of packages


def test_a_module_in_the_source_folder_or_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source_file(tmp_path / "here", "net_here.py")
    source_file(tmp_path / "there", "deep_pkg/net_there.py")
    monkeypatch.chdir(tmp_path / "here")
    assert load("net_here:Net").root == "Net"
    loaded = load("deep_pkg.net_there:Net", source_dir=tmp_path / "there", model_args="classes=3")
    assert loaded.module.head.out_features == 3


@pytest.mark.parametrize("name", ["not_there_at_all", "json.not_there", "not_there.at_all"])
def test_a_module_that_is_not_there(name: str, tmp_path: Path) -> None:
    error = error_of(f"{name}:Net", source_dir=tmp_path)
    assert type(error) is InputError
    assert f"there is no module {name} in Python's path, nor in {tmp_path} nor in " in str(error)
    assert "--source" in str(error)


def test_a_module_whose_own_import_fails(tmp_path: Path) -> None:
    path = source_file(tmp_path, "failing_pkg/net.py", "import not_there_at_all")
    error = error_of("failing_pkg.net:Net", source_dir=tmp_path)
    assert f"importing failing_pkg.net failed at {path}:1: ModuleNotFoundError" in str(error)


def test_torchscript_from_a_factory(tmp_path: Path) -> None:
    path = source_file(tmp_path, text=SOURCE + "\n\ndef make():\n    return torch.jit.script(nn.ReLU())\n")
    assert isinstance(load(f"{path}:make").module, Scripted)


@pytest.mark.parametrize(
    ("source", "options", "text"),
    [
        ("nowhere/net.py:Net", {}, "nowhere/net.py: there is no such Python file"),
        ("torch.nn:ReLU", {"model": "torch.nn:ReLU"}, "is a factory itself: --model torch.nn:ReLU has nothing to do"),
        ("torch.nn:Linear", {}, "does not take (): missing a required argument: 'in_features'"),
        ("torch.nn:Relu", {}, "torch.nn has no Relu; it has "),
    ],
)
def test_sources_that_cannot_be(source: str, options: dict[str, str], text: str) -> None:
    error = error_of(source, **options)
    assert isinstance(error, UsageError)
    assert text in str(error)
