"""What no kernel of LiteRT's could take. Some of them read what is not there, and so end the process."""

from __future__ import annotations

from collections.abc import Sequence

from liteport.errors import InvalidGraphError
from liteport.ir.graph import Value
from liteport.ir.ops import Operator
from liteport.ir.ops.base import Malformed, Types


def fault(operator: Operator, inputs: Sequence[Value | None], outputs: Sequence[Value]) -> str:
    """What is wrong with an operation, whatever sizes it is run with (which need not be those in the file): an operand
    that is missing or can be none, or a result that cannot hold what is written to it. "" where nothing is.
    """
    try:
        types = operator.infer(*inputs)
    except Malformed as error:
        return str(error)
    except InvalidGraphError:
        types = ()  # LiteRT's to say, with the sizes that it runs with
    return _fatal(operator, inputs) or _misfit(operator, types, outputs)


def _fatal(operator: Operator, inputs: Sequence[Value | None]) -> str:
    value = inputs[operator.main] if operator.fatal else None
    if value is None or value.dtype not in operator.fatal or (value.quantization and value.quantization.scale):
        return ""
    return f"{operator.name}: {value.dtype.name.lower()} numbers without a scale"


def _misfit(operator: Operator, types: Types, outputs: Sequence[Value]) -> str:
    count = operator.results() if types == () else len(types)
    if count is not None and count != len(outputs):
        return f"{operator.name}: makes {count} results, has {len(outputs)}"
    for made, value in zip(types, outputs, strict=False):
        if value.dtype.bits < made.dtype.bits and value.quantization is None:
            return f"{operator.name}: makes {made}, which {value.name} is too small for ({value.dtype.name.lower()})"
    return ""
