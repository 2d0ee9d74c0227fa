"""Finding and calling what --model names: `package.module:Factory` or `path/to/file.py:Factory`."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from liteport.errors import InputError, UsageError
from liteport.frontends.torch.sources.imports import users_code

Args = Mapping[str, Any] | str | None

_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_NEXT_ARGUMENT = re.compile(r",(?=\s*[^\W\d]\w*\s*=)")
_WORDS = {"true": True, "false": False, "none": None, "null": None}


@dataclass(frozen=True)
class Factory:
    """A class, a function or a module that was built already: `name` in the file or the module `home`."""

    home: Path | str
    name: str

    @staticmethod
    def parse(text: str) -> Factory | None:
        """The factory that `text` names, or None where it has another form."""
        home, colon, name = text.rpartition(":")
        if not colon or not re.fullmatch(_DOTTED, name):
            return None
        if home.endswith(".py"):
            return Factory(Path(home), name)
        return Factory(home, name) if re.fullmatch(_DOTTED, home) else None

    def __str__(self) -> str:
        return f"{self.home}:{self.name}"

    def build(self, args: Args = None, source_dir: Path | None = None) -> Any:
        """The nn.Module that this factory makes of the keyword arguments `args`.

        Raises InputError where it cannot be found, fails or makes something else, and UsageError
        for arguments that it does not take.
        """
        given = parse_args(args)
        found, folders = self._find(source_dir)
        if isinstance(found, nn.Module):
            if given:
                raise UsageError(f"{self} is a module that was built already: it takes no --model-args")
            return found
        if not callable(found):
            kind = type(found).__name__
            raise InputError(f"{self} is a {kind}: name an nn.Module class or a function that makes one")
        self._check_call(found, given)
        module = users_code(f"{self}({_shown(given)})", lambda: found(**given), *folders)
        if not isinstance(module, nn.Module):
            kind = type(module).__name__
            raise InputError(f"{self} returned a {kind}: name a factory that returns the nn.Module itself")
        return module

    def _check_call(self, found: Any, given: dict[str, Any]) -> None:
        try:
            signature = inspect.signature(found)
        except (TypeError, ValueError):  # some callables have none: calling will tell
            return
        try:
            signature.bind(**given)
        except TypeError as error:
            hint = f"{self.name}{signature} does not take ({_shown(given)}): {error}; say it with --model-args"
            raise UsageError(f"{hint}, as JSON or as name=value,name=value") from error

    def _find(self, source_dir: Path | None) -> tuple[Any, tuple[Path, ...]]:
        """The object itself, and the folders that its code may import from."""
        folders = () if source_dir is None else (source_dir,)
        if isinstance(self.home, Path):
            folders = (self.home.parent, *_package_root(self.home), *folders)
            module = _run_file(self.home, folders)
        else:
            folders = (*folders, Path.cwd())
            module = _import(self.home, folders)
        found: Any = module
        for part in self.name.split("."):
            if not hasattr(found, part):
                raise InputError(f"{self.home} has no {self.name}{_instead(self.name, found)}")
            found = getattr(found, part)
        return found, folders


def parse_args(args: Args) -> dict[str, Any]:
    """Keyword arguments out of a mapping, JSON text, or `name=value,name=value`.

    A value is a Python literal (1, 0.5, [1,2], 'text'), true, false, none, or else text as it stands.
    Raises UsageError.
    """
    if args is None or isinstance(args, Mapping):
        return dict(args or {})
    text = args.strip()
    if text.startswith(("{", "[")):
        try:
            loaded = json.loads(text)
        except ValueError as error:
            raise UsageError(f"--model-args is not JSON ({error}): {text}") from error
        if not isinstance(loaded, dict):
            raise UsageError(f'--model-args must be a JSON object, such as {{"classes": 10}}: {text}')
        return loaded
    return dict(_pair(item) for item in _NEXT_ARGUMENT.split(text)) if text else {}


def _pair(item: str) -> tuple[str, Any]:
    name, equals, value = (part.strip() for part in item.partition("="))
    if not equals or not name.isidentifier():
        raise UsageError(f"--model-args: {item!r} is not name=value; write JSON, or name=value,name=value")
    if value.lower() in _WORDS:
        return name, _WORDS[value.lower()]
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def top_level_names(path: Path) -> list[str]:
    """The classes and functions that a Python file defines, without running it; none where it does not parse."""
    return [node.name for node in _tree(path).body if isinstance(node, ast.ClassDef | ast.FunctionDef)]


def _imports_relatively(path: Path) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(_tree(path)))


def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # running the file says what is wrong with it
        return ast.Module(body=[], type_ignores=[])


def _run_file(path: Path, folders: tuple[Path, ...]) -> ModuleType:
    """The module that a Python file makes. One with `from .x import` is imported as a part of its package."""
    if not os.path.isfile(path):
        raise InputError(f"{path}: there is no such Python file (path/to/file.py:Factory)")
    root = _package_root(path)
    if not root or not _imports_relatively(path):
        return users_code(f"running {path}", lambda: _execute(path), *folders)
    name = ".".join(path.resolve().relative_to(root[0]).with_suffix("").parts)
    return users_code(f"importing {path}", lambda: import_module(name), *folders)


def _execute(path: Path) -> ModuleType:
    # A name of its own: a file called types.py must not take the standard library's place.
    spec = spec_from_file_location(f"_liteport_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and typing look the module up while it runs
    spec.loader.exec_module(module)
    return module


def _package_root(path: Path) -> tuple[Path, ...]:
    """The folder above the outermost package that a file is part of; empty where it is in no package."""
    folder = path.resolve().parent
    if not os.path.isfile(folder / "__init__.py"):
        return ()
    while os.path.isfile(folder / "__init__.py"):
        folder = folder.parent
    return (folder,)


def _import(name: str, folders: tuple[Path, ...]) -> ModuleType:
    try:
        return users_code(f"importing {name}", lambda: import_module(name), *folders)
    except InputError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name and f"{name}.".startswith(f"{cause.name}."):
            places = " nor in ".join(str(folder) for folder in folders)
            hint = "give the folder that holds it with --source, or name the file: path/to/file.py:Factory"
            raise InputError(f"there is no module {name} in Python's path, nor in {places}: {hint}") from cause
        raise


def _instead(name: str, home: Any) -> str:
    """What a misspelt name may have meant, as the end of a sentence."""
    public = {n: v for n, v in getattr(home, "__dict__", {}).items() if not n.startswith("_") and callable(v)}
    near = get_close_matches(name, public, n=3)
    models = [n for n, v in public.items() if isinstance(v, type) and issubclass(v, nn.Module)]
    offered = near or models[:10]
    return f"; it has {', '.join(offered)}" if offered else ""


def _shown(args: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in args.items())
