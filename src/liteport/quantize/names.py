"""Names that tell the quantizer what to do: it finds tensors by unique names, and operations by those of their results.

A name is q.GRAPH.TENSOR for the results of an operation that is to run on int8, w.GRAPH.TENSOR for those of one whose
weights are to be int8, and f.GRAPH.TENSOR for all others.
What the quantizer adds bears the name of what it was made from, and a suffix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from liteport.ir.graph import Module, Op

WHOLE, WEIGHTS = r"^q\.", r"^w\."
"""What the results of chosen operations are called, as the quantizer's recipes say it."""

_FORM = re.compile(r"([qwf]\.\d+\.\d+)(.*)", re.DOTALL)


def rename(module: Module, letter: Callable[[Op], str]) -> dict[str, str]:
    """Gives every tensor of `module` such a name. Returns its own one by the new one."""
    own: dict[str, str] = {}
    for number, graph in enumerate(module.graphs):
        letters = {id(value): letter(op) for op in graph.ops for value in op.outputs}
        for place, value in enumerate(graph.values()):
            new = f"{letters.get(id(value), 'f')}.{number}.{place}"
            own[new], value.name = value.name, new
    return own


def made(module: Module) -> dict[tuple[str, str], Op]:
    """The operations by the name that their first result was given, without a suffix, and the operator's."""
    found = [(op, _FORM.fullmatch(op.output.name)) for graph in module.graphs for op in graph.ops if op.outputs]
    return {(form[1], op.name): op for op, form in found if form is not None}


def restore(module: Module, own: Mapping[str, str]) -> None:
    """Gives every tensor its own name again."""
    for value in (value for graph in module.graphs for value in graph.values()):
        form = _FORM.fullmatch(value.name)
        if form is not None and form[1] in own:
            value.name = own[form[1]] + form[2]
