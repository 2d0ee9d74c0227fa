"""Operators that write into a tensor that they take, or leave their result in it."""

from __future__ import annotations

from typing import Any

import torch
from torch._ops import OpOverload
from torch.fx import Node

# Operators that may hand back their own input although their schema does not say so.
_UNDECLARED_ALIASES = ("aten::dropout", "aten::feature_dropout", "aten::alpha_dropout", "aten::feature_alpha_dropout")


def functional_twin(target: Any) -> Any:
    """aten.relu.default for aten.relu_.default; None where `target` is not an in-place operator."""
    if not isinstance(target, OpOverload) or not target._schema.name.endswith("_"):
        return None
    packet = getattr(getattr(torch.ops, target.namespace), target._schema.name.split("::")[1][:-1], None)
    return getattr(packet, target._overloadname, None) if packet is not None else None


def written_argument(node: Node) -> Node | None:
    """The tensor that an in-place node writes into, or None where it writes nowhere."""
    if not isinstance(node.target, OpOverload):
        return None
    for position, argument in enumerate(node.target._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = node.args[position] if position < len(node.args) else node.kwargs.get(argument.name)
            return value if isinstance(value, Node) else None
    return None


def leaves_in_place(target: OpOverload) -> bool:
    """Whether an operator's result may be on the storage of its first tensor."""
    schema = target._schema
    return any(r.alias_info is not None for r in schema.returns) or schema.name in _UNDECLARED_ALIASES
