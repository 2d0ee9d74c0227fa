"""Control flow, state, and operators that are kept as they are. Other graphs are referred to by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from liteport.ir.ops.base import BOOL, FLOAT, HALF, INDEX, SMALL, STRING, DTypes, Operator, Types, operands
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value

_RESOURCE = frozenset({DType.RESOURCE})


@dataclass(frozen=True)
class If(Operator):
    """One graph or the other, by the bool scalar in input 0, on the rest of the inputs.

    The results' types are those of the graphs' outputs: give them to emit_many.
    """

    name: ClassVar[str] = "IF"
    dtypes: ClassVar[DTypes] = BOOL
    stateful: ClassVar[bool] = True
    then_subgraph: str = ""
    else_subgraph: str = ""

    def infer(self, *inputs: Value | None) -> Types:
        operands(self, inputs, max(1, len(inputs)))
        raise self.unknown("the results' types are those of its graphs' outputs")


@dataclass(frozen=True)
class While(Operator):
    """The body graph, over and over, as long as the condition graph says true; the inputs are the loop's values.

    The results have the inputs' types; give others to emit_many where shapes grow.
    """

    name: ClassVar[str] = "WHILE"
    stateful: ClassVar[bool] = True
    cond_subgraph: str = ""
    body_subgraph: str = ""

    def infer(self, *inputs: Value | None) -> Types:
        return tuple(v.type for v in operands(self, inputs, len(inputs)))


@dataclass(frozen=True)
class CallOnce(Operator):
    """The graph `init_subgraph`, at the first invocation only. No inputs, no results."""

    name: ClassVar[str] = "CALL_ONCE"
    stateful: ClassVar[bool] = True
    init_subgraph: str = ""

    def infer(self, *inputs: Value | None) -> Types:
        return ()


@dataclass(frozen=True)
class VarHandle(Operator):
    """The handle of the variable `shared_name`, which lives as long as the interpreter."""

    name: ClassVar[str] = "VAR_HANDLE"
    stateful: ClassVar[bool] = True
    container: str = ""
    shared_name: str = ""

    def infer(self, *inputs: Value | None) -> Types:
        return (TensorType(DType.RESOURCE, (1,)),)


@dataclass(frozen=True)
class ReadVariable(Operator):
    """The value of the variable whose handle is input 0. Give its type to emit_many."""

    name: ClassVar[str] = "READ_VARIABLE"
    dtypes: ClassVar[DTypes] = _RESOURCE
    stateful: ClassVar[bool] = True

    def infer(self, *inputs: Value | None) -> Types:
        raise self.unknown("the result's type is the variable's")


@dataclass(frozen=True)
class AssignVariable(Operator):
    """Input 1 into the variable whose handle is input 0. No result."""

    name: ClassVar[str] = "ASSIGN_VARIABLE"
    main: ClassVar[int] = 1
    dtypes: ClassVar[DTypes] = FLOAT | HALF | BOOL | INDEX | SMALL | STRING
    stateful: ClassVar[bool] = True

    def infer(self, *inputs: Value | None) -> Types:
        operands(self, inputs, 2)
        return ()


@dataclass(frozen=True)
class Opaque(Operator):
    """An operator that is carried along without being understood: a custom one, or a builtin with no class here.

    `name` is the builtin's name (CUSTOM for a custom operator, with its `custom_code` and
    `custom_options`); `options` is the schema's options object, None where there is none.
    The results' types must be given to emit_many.
    """

    name: str = "CUSTOM"  # type: ignore[misc]  # the one operator whose name is data
    stateful: ClassVar[bool] = True
    custom_code: str = ""
    custom_options: bytes = b""
    options: Any = None

    def infer(self, *inputs: Value | None) -> Types:
        raise self.unknown("it has no class here")
