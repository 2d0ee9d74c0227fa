"""Whose fault it is that a node cannot be lowered: the file's, or liteport's."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import NodeProto, checker

from liteport.errors import InputError, LiteportError

# What Python makes of code that is wrong, where the node it works on is as it should be.
_BUGS = (AssertionError, AttributeError, TypeError)


def fault(node: NodeProto, where: str, error: Exception, opsets: Mapping[str, int]) -> LiteportError:
    """The error that tells users of an `error` of Python's in a lowering; `where` is the node with its operator.

    ONNX's own checker says whether the node has the inputs and attributes that its operator takes. What numbers do not
    go together it does not know: lengths that differ, axes that are not there.
    """
    said = f"{type(error).__name__}: {error}".splitlines()[0]
    if (objection := _objection(node, opsets)) is not None:
        return InputError(f"{where} is not as the standard has it: {objection}")
    if isinstance(error, _BUGS):
        return LiteportError(
            f"{where} is as the standard has it, but liteport fails on it ({said}): please report that"
        )
    return InputError(f"{where} has inputs, or numbers in its attributes, that do not go together ({said})")


def _objection(node: NodeProto, opsets: Mapping[str, int]) -> str | None:
    """What ONNX's checker has against a node; None where it has nothing, or does not know the operator."""
    context = checker.C.CheckerContext()
    context.ir_version = checker.DEFAULT_CONTEXT.ir_version
    context.opset_imports = {domain: version for domain, version in opsets.items() if version}
    try:
        checker.check_node(node, context)
    except checker.ValidationError as error:
        first = str(error).splitlines()[0]
        return None if first.startswith("No Op registered") else first
    return None
