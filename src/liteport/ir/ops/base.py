"""What every operator class is, and the kinds of operators that passes treat alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from liteport.errors import InvalidGraphError
from liteport.ir.types import DType, Shape, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value

Types = tuple[TensorType, ...]
DTypes = frozenset[DType]

FLOAT = frozenset({DType.FLOAT32})
HALF = frozenset({DType.FLOAT16})
SMALL = frozenset({DType.INT8, DType.UINT8, DType.INT16})
PLAIN = frozenset(t for t in DType if not t.is_raw and t is not DType.COMPLEX128)
ANY = frozenset(DType)
COPIED = ANY - {DType.COMPLEX128}
BOOL = frozenset({DType.BOOL})
INT32 = frozenset({DType.INT32})
INDEX = frozenset({DType.INT32, DType.INT64})
INT64 = frozenset({DType.INT64})
INT8 = frozenset({DType.INT8})
BYTES = frozenset({DType.INT8, DType.UINT8})
INT16 = frozenset({DType.INT16})
STRING = frozenset({DType.STRING})


class Malformed(InvalidGraphError):
    """An operand or an attribute that is missing, or is none that there can be, whatever the shapes are."""


class NotInferred(InvalidGraphError):
    """The results' types depend on data, or on another graph: whoever emits the operator gives them."""


class Activation(Enum):
    """ActivationFunctionType of the schema: what a kernel applies to its result."""

    NONE = "NONE"
    RELU = "RELU"
    RELU_N1_TO_1 = "RELU_N1_TO_1"
    RELU6 = "RELU6"
    TANH = "TANH"
    SIGN_BIT = "SIGN_BIT"


class Padding(Enum):
    """Padding of the schema. SAME pads to ceil(size / stride), the odd element last."""

    SAME = "SAME"
    VALID = "VALID"


@dataclass(frozen=True)
class Operator:
    """One TFLite operator with its attributes. A subclass is frozen, hashable, and owns its contract.

    `name` is the builtin's name in the schema. `dtypes` are the element types of plain numbers
    that LiteRT's CPU kernels take and get right: quantised tensors are another matter, and many
    kernels take int8 only with a scale. `max_rank` is the highest rank that the default
    interpreter, XNNPACK included, runs (in float16 never above 6). Both speak of the input number
    `main`, the first but for a few; the legalize pass casts and reshapes around them.
    `fatal` are those types of plain numbers, without a scale, on which the kernel ends the process.
    `stateful` operators are never merged, folded or dropped.
    """

    name: ClassVar[str] = ""
    main: ClassVar[int] = 0
    dtypes: ClassVar[DTypes] = ANY
    fatal: ClassVar[DTypes] = frozenset()
    max_rank: ClassVar[int] = 8
    stateful: ClassVar[bool] = False

    def infer(self, *inputs: Value | None) -> Types:
        """The results' types for these inputs. Raises InvalidGraphError where the kernel would refuse."""
        raise NotImplementedError(type(self).__name__)

    def results(self) -> int | None:
        """How many results there are, where the attributes say so."""
        return None

    def fail(self, why: str) -> InvalidGraphError:
        """The error for inputs that break this operator's contract."""
        return InvalidGraphError(f"{self.name}: {why}")

    def malformed(self, why: str) -> Malformed:
        """The error for what no shapes could make right."""
        return Malformed(f"{self.name}: {why}")

    def unknown(self, why: str) -> NotInferred:
        """The error for results whose types cannot be told from the inputs' types."""
        return NotInferred(f"{self.name}: {why}; give the results' types")


@dataclass(frozen=True)
class Elementwise(Operator):
    """Every output element depends on the input elements at the same place (after broadcasting)."""

    result: ClassVar[DType | None] = None

    def infer(self, *inputs: Value | None) -> Types:
        values = operands(self, inputs, max(1, len(inputs)))
        shape = broadcast(self, [v.shape for v in values])
        return (TensorType(self.result or values[0].dtype, shape),)


@dataclass(frozen=True)
class Unary(Elementwise):
    """Elementwise, of one input."""


@dataclass(frozen=True)
class Binary(Elementwise):
    """Elementwise, of two inputs of one type, with NumPy's broadcasting."""

    def infer(self, *inputs: Value | None) -> Types:
        left, right = operands(self, inputs, 2)
        if left.dtype is not right.dtype:
            raise self.fail(f"inputs of different types: {left} and {right}")
        return super().infer(left, right)


@dataclass(frozen=True)
class Arithmetic(Binary):
    """Binary, with a fused activation."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True)
class Reduction(Operator):
    """Input 0 reduced over the axes in constant input 1 (int32, rank 1)."""

    keep_dims: bool = False
    result: ClassVar[DType | None] = None

    def infer(self, *inputs: Value | None) -> Types:
        x, axes = operands(self, inputs, 2)
        reduced = {axis_of(self, a, x.rank) for a in constant_ints(self, axes, "the axes")} if x.rank else set()
        if self.keep_dims:
            shape = tuple(1 if i in reduced else d for i, d in enumerate(x.shape))
        else:
            shape = tuple(d for i, d in enumerate(x.shape) if i not in reduced)
        return (TensorType(self.result or x.dtype, shape),)


def broadcast(operator: Operator, shapes: Sequence[Shape]) -> Shape:
    """NumPy's broadcasting of `shapes`. Raises InvalidGraphError where they do not fit."""
    rank = max((len(s) for s in shapes), default=0)
    out = []
    for dims in zip(*((1,) * (rank - len(s)) + tuple(s) for s in shapes), strict=True):
        wide = {d for d in dims if d != 1}
        if len(wide) > 1:
            raise operator.fail(f"shapes {', '.join(map(_text, shapes))} do not broadcast")
        out.append(wide.pop() if wide else 1)
    return tuple(out)


def _text(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))})"


def operands(operator: Operator, inputs: Sequence[Value | None], count: int) -> list[Value]:
    """The first `count` inputs, none of which may be left out. Raises Malformed."""
    found = [v for v in inputs[:count] if v is not None]
    if len(found) < count:
        raise operator.malformed(f"needs {count} inputs, has {len(found)}")
    return found


def given(
    operator: Operator, inputs: Sequence[Value | None], indices: Sequence[int], counts: Sequence[int]
) -> list[Value]:
    """The inputs of these numbers, of as many as one of `counts`; the others may be left out. Raises Malformed."""
    if len(inputs) not in counts:
        raise operator.malformed(f"needs {' or '.join(map(str, counts))} inputs, has {len(inputs)}")
    found = {i: inputs[i] for i in indices}
    if missing := [str(i) for i, v in found.items() if v is None]:
        raise operator.malformed(f"input {', '.join(missing)} is missing")
    return [v for v in found.values() if v is not None]


def constant_ints(operator: Operator, value: Value | None, what: str, count: int | None = None) -> list[int]:
    """The numbers of a constant integer operand, `count` of them.

    Raises NotInferred where it is not constant, Malformed where it holds no indices, InvalidGraphError where it has
    another length.
    """
    if value is not None and value.dtype not in INDEX:
        raise operator.malformed(f"{value.dtype.name.lower()} for {what}")
    if value is None or value.data is None:
        raise operator.unknown(f"{what} must be constant")
    numbers: list[int] = value.data.reshape(-1).tolist()
    if count is not None and len(numbers) != count:
        raise operator.fail(f"{what} {numbers}: {count} were due")
    return numbers


def constant_int(operator: Operator, value: Value | None, what: str) -> int:
    """The number in a constant operand of one element; errors as in `constant_ints`."""
    return constant_ints(operator, value, what, 1)[0]


def constant_shape(operator: Operator, value: Value | None, what: str) -> Shape:
    """The sizes, none negative, in a constant operand; errors as in `constant_ints`."""
    return sizes(operator, constant_ints(operator, value, what))


def sizes(operator: Operator, numbers: Iterable[int]) -> Shape:
    """`numbers` as a shape. Raises InvalidGraphError where one is negative."""
    shape = tuple(numbers)
    if any(d < 0 for d in shape):
        raise operator.fail(f"a shape of {list(shape)}")
    return shape


def axis_of(operator: Operator, axis: int, rank: int) -> int:
    """`axis` counted from the front. Raises InvalidGraphError where it is outside [-rank, rank)."""
    if not -rank <= axis < rank:
        raise operator.fail(f"axis {axis} is outside rank {rank}")
    return axis % rank


def same_type(operator: Operator, values: Sequence[Value]) -> DType:
    """The one element type of `values`. Raises InvalidGraphError where they differ."""
    if len({v.dtype for v in values}) != 1:
        raise operator.fail(f"inputs of different types: {', '.join(map(str, values))}")
    return values[0].dtype
