"""Reading .pt2 files (torch.export.save) without running what they may hold.

torch.export.load trusts its file: it unpickles sample inputs in full when the safe way fails,
evaluates shape expressions, resolves operators by attribute from `torch`, and builds Python source
out of names. So every such string is held against what torch.export itself writes before the file
is handed over, and pickles are read weights-only.
"""

from __future__ import annotations

import ast
import json
import keyword
import logging
import os
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from liteport.errors import InputError, LiteportError, UnsafeFileError, UnsupportedError
from liteport.frontends.torch.sources.files import ModelFile
from liteport.frontends.torch.sources.pickles import imported_names, quiet
from liteport.frontends.torch.sources.text import described, listed, plain

_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|quantized|quantized_decomposed|torchvision|higher_order)\.(?!from_file\b)\w+(\.\w+)?"
)
_SYMBOLIC_OPERATOR = re.compile(
    r"torch\.sym_\w+|math\.\w+"
    r"|_operator\.(getitem|add|sub|mul|truediv|floordiv|mod|pow|neg|pos|and_|or_|xor|not_|invert|[lr]shift|eq|ne|lt|le|gt|ge)"
)

# The forms that sympy.srepr gives to the expressions of torch.export's symbolic shapes.
_EXPRESSION_CALLS = re.compile(
    r"Symbol|Integer|Float|Rational|Add|Mul|Pow|Mod|Max|Min|Abs|Not|And|Or|floor|ceiling|Eq|Ne|Lt|Le|Gt|Ge"
    r"|Equality|Unequality|StrictLessThan|LessThan|StrictGreaterThan|GreaterThan|FloorDiv|ModularIndexing|Where"
    r"|PythonMod|CleanDiv|CeilToInt|FloorToInt|CeilDiv|PowByNatural|FloatPow|FloatTrueDiv|IntTrueDiv|Identity"
    r"|IsNonOverlappingAndDenseIndicator|TruncToFloat|TruncToInt|RoundToInt|RoundDecimal|ToFloat"
)
_EXPRESSION_NAMES = re.compile(r"[a-z]{1,3}\d+|oo|int_oo|true|false")
_EXPRESSION_NODES = (
    *(ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.keyword, ast.UnaryOp, ast.USub),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow),
)
_LOGGERS = ("torch.export", "torch.export.pt2_archive._package", "torch._export.serde.serialize")
# Fields whose keys are free: names of values and parameters, of metadata.
_MAPS = {
    *("tensor_values", "sym_int_values", "sym_float_values", "sym_bool_values", "custom_obj_values"),
    *("range_constraints", "metadata", "opset_version", "treespec_namedtuple_fields"),
    *("as_string_to_argument", "config"),
}
_TREE_TYPES = {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}


def exported_program(file: ModelFile, *, trusted: bool) -> Any:
    """The ExportedProgram in a .pt2 file.

    `trusted` is the user's word that it may run code. Raises UnsafeFileError for one that would,
    InputError for one that cannot be read, UnsupportedError for compiled ones.
    """
    if not trusted:
        _check(file)
    logged: list[BaseException] = []
    try:
        with quiet(), _log_into(logged), _pickles(trusted):
            program = torch.export.load(file.path)
    except Exception as error:  # torch.export has no exceptions of its own for bad files
        cause = _root(logged[-1] if logged else error)
        if isinstance(cause, pickle.UnpicklingError):
            names = listed(imported_names(file) or ["something"])
            raise _unsafe(file, f"it holds a pickle that would import {names}") from error
        remedy = f"export it on the CPU with PyTorch {torch.__version__}, or load it with the version that saved it"
        raise InputError(f"{file} cannot be loaded by torch.export ({described(cause)}): {remedy}") from error
    if not trusted:
        # Conditions on the inputs, as Python source: module() would run them, and conversion has no use for them.
        program._guards_code = []
    return program


def _check(file: ModelFile) -> None:
    try:
        wrong = next(_wrong_fields(file), None)
    except LiteportError:
        raise
    except Exception as error:  # neither the archive nor its JSON need be what they should
        raise InputError(f"{file} is truncated or damaged ({described(error)}): download or save it again") from error
    if wrong is not None:
        name, key, value = wrong
        raise _unsafe(file, f"{name} has {plain(repr(value))} as {key}, which no program of plain operators needs")


def _wrong_fields(file: ModelFile) -> Iterator[tuple[str, str, Any]]:
    """The document, name and value of every field that breaks its rule."""
    for name, document in _documents(file):
        for key, value in _fields(json.loads(document)):
            if key in _RULES and value is not None and not _RULES[key](value):
                yield name, key, value


def _documents(file: ModelFile) -> Iterator[tuple[str, str]]:
    """The archive's JSON documents, as both of the readers that torch.export.load uses see them."""
    with zipfile.ZipFile(file.path) as archive:
        for name in _named_documents(file, archive.namelist()):
            yield name, archive.read(name).decode()
    try:
        reader = torch._C.PyTorchFileReader(str(file.path))
    except RuntimeError:  # the format before PyTorch 2.8: a zip file without a folder
        return
    for name in _named_documents(file, reader.get_all_records()):
        yield name, reader.get_record(name).decode()


def _named_documents(file: ModelFile, names: list[str]) -> list[str]:
    """The entries that torch.export reads as JSON: all in models/, whatever they are called, and .json elsewhere."""
    if any("/data/aotinductor/" in f"/{name}" for name in names):
        raise UnsupportedError(f"{file} holds code compiled by AOTInductor: save the program with torch.export.save")
    return [name for name in names if name.endswith(".json") or "/models/" in f"/{name}"]


def _fields(document: Any, is_map: bool = False) -> Iterator[tuple[str, Any]]:
    """Every field of every object in a JSON document, by name; the keys of maps are no names of fields."""
    if isinstance(document, list):
        for item in document:
            yield from _fields(item)
    elif isinstance(document, dict):
        for key, value in document.items():
            if not is_map:
                yield key, value
            yield from _fields(value, is_map=not is_map and key in _MAPS)


def _text(rule: Callable[[str], bool]) -> Callable[[Any], bool]:
    """A rule for a field that must be text: torch.export does not check types, and sympify looks into containers."""
    return lambda value: isinstance(value, str) and rule(value)


def _is_int(value: Any) -> bool:
    return isinstance(value, int)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and _is_name(name) for name in value)


def _is_name(text: str) -> bool:
    return text == "" or (text.isidentifier() and not keyword.iskeyword(text))


def _is_attribute(text: str) -> bool:
    """A parameter's name: it is quoted in source code, so it must not end the quotes."""
    return not re.search(r"[\"'\\\x00-\x1f]", text)


def _is_operator(text: str) -> bool:
    """An operator of PyTorch's own; torch.export would take anything callable, such as torch.os.system."""
    if not _OPERATOR.fullmatch(text):
        return bool(_SYMBOLIC_OPERATOR.fullmatch(text))
    target: Any = torch
    for name in text.split(".")[1:]:
        target = getattr(target, name, None)
    # One that is not there at all is torch.export's to report.
    return target is None or isinstance(target, torch._ops.OpOverload | torch._ops.HigherOrderOperator)


def _is_payload(text: str) -> bool:
    """A file of plain tensors; custom_obj_* and opaque_obj_* are pickles of anything."""
    return bool(re.fullmatch(r"(weight|tensor)_\w+", text))


def _is_expression(text: str) -> bool:
    """Arithmetic in the words of symbolic shapes: nothing else may reach sympify, which evaluates Python."""
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return all(isinstance(node, _EXPRESSION_NODES) and _is_expression_part(node) for node in nodes)


def _is_expression_part(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and bool(_EXPRESSION_CALLS.fullmatch(node.func.id))
    if isinstance(node, ast.Name):
        return bool(_EXPRESSION_CALLS.fullmatch(node.id) or _EXPRESSION_NAMES.fullmatch(node.id))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return bool(re.fullmatch(r"\w+|-?\d+(\.\d+)?", node.value))
    return True


def _is_tree(text: str) -> bool:
    """The structure of inputs or outputs, of plain containers: others would be imported by name."""
    try:
        _, tree = json.loads(text)
        trees = [tree]
        for tree in trees:  # grows as it goes
            trees.extend(tree["children_spec"])
        return all(t["type"] in _TREE_TYPES and "__enum__" not in str(t["context"]) for t in trees)
    except (ValueError, TypeError, KeyError):
        return False


def _is_input_tree(text: str) -> bool:
    """As above; of (args, kwargs) the second one's keys become parameters in Python source."""
    if not _is_tree(text):
        return False
    children = json.loads(text)[1]["children_spec"]
    if len(children) != 2 or children[1]["type"] != "builtins.dict":
        return True
    return all(isinstance(name, str) and _is_name(name) for name in json.loads(children[1]["context"]))


# What becomes Python source, an expression, an attribute look-up, an import or an unpickling, by the field's name.
_RULES: dict[str, Callable[[Any], bool]] = {
    "expr_str": _text(_is_expression),
    "as_int": _is_int,
    "min_val": _is_int,
    "max_val": _is_int,
    "target": _text(_is_operator),
    "as_operator": _text(_is_operator),
    "name": _text(_is_name),
    "as_name": _text(_is_name),
    "user_input_name": _text(_is_name),
    "forward_arg_names": _are_names,
    "parameter_name": _text(_is_attribute),
    "buffer_name": _text(_is_attribute),
    "tensor_constant_name": _text(_is_attribute),
    "path_name": _text(_is_payload),
    "class_fqn": lambda value: False,
    "in_spec": _text(_is_input_tree),
    "out_spec": _text(_is_tree),
}


def _unsafe(file: ModelFile, why: str) -> UnsafeFileError:
    trust = "if you trust where it came from, load it with --trust-pickle (trust_pickle=True)"
    return UnsafeFileError(f"{file} could run code when it is loaded: {why}; {trust}")


@contextmanager
def _pickles(trusted: bool) -> Iterator[None]:
    """Every torch.load inside the block reads weights only, whatever it asks for (PyTorch's own switch)."""
    force, never = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
    before = {name: os.environ.pop(name, None) for name in (force, never)}
    if not trusted:
        os.environ[force] = "1"
    try:
        yield
    finally:
        os.environ.pop(force, None)
        os.environ.update({name: value for name, value in before.items() if value is not None})


@contextmanager
def _log_into(errors: list[BaseException]) -> Iterator[None]:
    """Collect the errors that torch.export only logs, as whole tracebacks, before it raises one that says less."""

    def keep(record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1]:
            errors.append(record.exc_info[1])
        return False

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(keep)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(keep)


def _root(error: BaseException) -> BaseException:
    """The first cause: torch.export wraps errors in whole tracebacks."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error
