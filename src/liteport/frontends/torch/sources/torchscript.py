"""TorchScript files, read without running what they should not, and their modules as ones that torch.export can follow.

TorchScript is a program in a language of its own: torch.jit.load imports nothing of Python's and unpickles none of its
objects, but it may run the file's code at once (__setstate__), and that language can write and map files. So
the code is searched for the operators that do, and for those of libraries, before PyTorch sees it.
"""

from __future__ import annotations

import copy
import io
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from inspect import Parameter, Signature
from types import MethodType
from typing import Any

import torch
from torch import nn

from liteport.errors import InputError, UnsafeFileError
from liteport.frontends.torch.sources.files import ModelFile
from liteport.frontends.torch.sources.text import described, listed

# What reaches outside of the model: aten::save, aten::from_file, remote calls.
_REACHING = frozenset({"save", "from_file", "rpc_async", "rpc_sync", "rpc_remote", "to_here"})
_NAMESPACES = frozenset({"aten", "prim", "prims", "quantized", "torchvision"})


def torchscript(file: ModelFile, *, trusted: bool) -> torch.jit.ScriptModule:
    """The module in a file of torch.jit.save.

    `trusted` is the user's word that it may do anything. Raises UnsafeFileError for code that reaches outside
    of the model, InputError for a file that cannot be read.
    """
    if not trusted and (found := sorted(set(_reaching(file)))):
        raise UnsafeFileError(
            f"{file} is TorchScript that calls {listed(found)}, which can reach files or other machines: "
            "--trust-pickle loads it all the same, where you trust whoever made it"
        )
    try:
        return torch.jit.load(str(file), map_location="cpu")
    except Exception as error:  # whatever PyTorch's loader raises for bad files
        remedy = f"save it again with PyTorch {torch.__version__}"
        raise InputError(f"{file} cannot be loaded by torch.jit ({described(error)}): {remedy}") from error


def _reaching(file: ModelFile) -> Iterator[str]:
    """The names in the file's code that stand for more than arithmetic; text and comments aside."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            names = [n for n in archive.namelist() if "/code/" in n and n.endswith(".py")]
            codes = [archive.read(name).decode("utf-8", "replace") for name in names]
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError) as error:
        raise InputError(f"{file} is truncated or damaged ({described(error)}): download or save it again") from error
    for code in codes:
        yield from _suspects(code)


def _suspects(code: str) -> Iterator[str]:
    """ops.image.write_file   =>   "ops.image";  x.save("/etc/x")   =>   "save" """
    try:
        tokens = [t.string for t in tokenize.generate_tokens(io.StringIO(code).readline) if _counts(t)]
    except (tokenize.TokenError, SyntaxError):
        yield "code that cannot be read"
        return
    yield from (token for token in tokens if token in _REACHING)
    for before, ops, dot, namespace in zip(["", *tokens], tokens, tokens[1:], tokens[2:], strict=False):
        # Behind a dot it is part of a class's name (__torch__.torchvision.ops.misc.Conv2dNormActivation).
        if before != "." and (ops, dot) == ("ops", ".") and namespace not in _NAMESPACES:
            yield f"ops.{namespace}"


def _counts(token: tokenize.TokenInfo) -> bool:
    return token.type in (tokenize.NAME, tokenize.OP)


class Scripted(nn.Module):
    """A TorchScript module as one that torch.export can follow while it runs, with the names of its arguments.

    The weights become constants of the graph. The module itself stands outside of this one's parts: torch.export puts
    stand-ins in the place of parameters, which TorchScript does not take.
    """

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.eval()
        self.__dict__["script"] = script
        self.__dict__.update({name: _method(self, name) for name in script._c._method_names() if _is_public(name)})

    def rewritten(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> nn.Module:
        """The forward as PyTorch's TS2EPConverter has it, control flow that depends on data as torch.cond and the like.

        Raises whatever that raises.
        """
        from torch._export.converter import TS2EPConverter

        signature = _signature(self.script, "forward")
        bound = signature.replace(parameters=list(signature.parameters.values())[1:]).bind(*args, **kwargs)
        program = TS2EPConverter(self.script, bound.args, bound.kwargs).convert()
        return _Renamed(program.module(), signature)


class _Renamed(nn.Module):
    """A module whose forward's arguments are called as `signature` has them."""

    def __init__(self, inner: nn.Module, signature: Signature) -> None:
        super().__init__()
        self.eval()
        self.inner = inner

        def forward(self: _Renamed, *args: Any, **kwargs: Any) -> Any:
            return self.inner(*args, **kwargs)

        forward.__signature__ = signature  # type: ignore[attr-defined]
        self.__dict__["forward"] = MethodType(forward, self)


def followable(script: torch.jit.ScriptModule) -> tuple[Scripted, list[torch.Tensor], bool]:
    """`script` in evaluation mode, on the CPU and in float32, what was changed for that, and whether it was training.

    The owner's stays as it is: where anything has to change, it does in a copy.
    """
    tensors = [*script.parameters(), *script.buffers()]
    changed = [t for t in tensors if t.device.type != "cpu" or (t.is_floating_point() and t.dtype != torch.float32)]
    training = bool(getattr(script, "training", False))
    if changed or training:
        script = copy.deepcopy(script).cpu().float()
        script.eval()
    return Scripted(script), changed, training


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _method(owner: Scripted, name: str) -> MethodType:
    def method(self: Scripted, *args: Any, **kwargs: Any) -> Any:
        # As it is written: optimised code hides operators from whoever follows it.
        with torch.jit.optimized_execution(False):
            return self.script._c._get_method(name)(*args, **kwargs)

    method.__name__ = name
    method.__signature__ = _signature(owner.script, name)  # type: ignore[attr-defined]
    return MethodType(method, owner)


def _signature(script: torch.jit.ScriptModule, name: str) -> Signature:
    """The method's arguments as Python has them, self first."""
    arguments = script._c._get_method(name).schema.arguments
    kind = Parameter.POSITIONAL_OR_KEYWORD
    return Signature(
        [
            Parameter(a.name, kind, default=a.default_value if a.has_default_value() else Parameter.empty)
            for a in arguments
        ]
    )
