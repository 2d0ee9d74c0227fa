"""channels: permutations of channels are folded into the weights around them.

    conv -> shuffle -> split -> conv   =>   conv' -> split_v -> conv'

Concatenations, splits, slices and gathers along the channels only route channels from sources to
exits. Where the kernels at the sources can deliver, and those at the exits expect, their channels in
any order, the region is routed anew: each source delivers the channels of each exit side by side, is
cut once, and each exit lines up whole pieces. No channel is moved for its place's sake alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value
from liteport.ir.types import Array, DType
from liteport.lowering.basic import concat, ints, narrow, scalar
from liteport.passes.base import Pass
from liteport.passes.channels.order import Reorder
from liteport.passes.channels.routes import Region, regions

# More pieces than this from one source, and copying them costs more than permuting.
_MOST_PIECES = 16


@dataclass(frozen=True)
class RouteChannels(Pass):
    """split(gather(concat(conv(x), conv(y)), permutation))   =>   concat(split_v(conv'(x)), split_v(conv'(y)))"""

    def run(self, graph: Graph) -> bool:
        changed = False
        for moves in regions(graph):
            region = Region(graph, moves)
            if not region.permutes():
                continue
            plan = _Plan(graph, region)
            if why := plan.blocked():
                self.decline(moves[0], why)
                continue
            plan.apply()
            changed = True
        if changed:
            graph.sort()
        return changed


@dataclass(frozen=True)
class _Piece:
    """Channels of one source that travel together, in the order in which they stand in the piece."""

    source: int
    channels: tuple[int, ...]
    exits: frozenset[int]


class _Plan:
    def __init__(self, graph: Graph, region: Region) -> None:
        self.graph = graph
        self.region = region
        self.sources = [self._free(v, "made") for v in region.sources]
        self.exits = [self._free(v, "taken") for v in region.exits]
        self.pieces = [self._cut(number) for number in range(len(region.sources))]
        self.lines = [self._line_up(number) for number in range(len(region.exits))]

    def _free(self, value: Value, question: str) -> Reorder | None:
        plan = Reorder(self.graph)
        return plan if getattr(plan, question)(value, self.region.moves) else None

    def _route(self, number: int) -> Array:
        return self.region.routes[self.region.exits[number]]

    def _cut(self, source: int) -> list[_Piece]:
        """The channels of a source in groups of equal destination; a fixed source can only be cut into runs."""
        destinations = self._destinations(source)
        channels: Sequence[int] = range(len(destinations))
        if self.sources[source] is not None:
            channels = sorted(channels, key=lambda c: destinations[c])
        groups: list[list[int]] = []
        last = None
        for channel in channels:
            runs = tuple((exit, run) for exit, run, _ in destinations[channel])
            if groups and runs == last:
                groups[-1].append(channel)
            else:
                groups.append([channel])
            last = runs
        return [_Piece(source, tuple(g), frozenset(e for e, _, _ in destinations[g[0]])) for g in groups]

    def _destinations(self, source: int) -> list[list[tuple[int, int, int]]]:
        """For each channel of a source: (exit, run of the exit, place in the exit), sorted; runs and places of exits
        that take any order are all 0."""
        out: list[list[tuple[int, int, int]]] = [[] for _ in range(self.region.sources[source].shape[-1])]
        for number, free in enumerate(self.exits):
            route = self._route(number)
            run = 0
            for place, (origin, channel) in enumerate(route):
                run += place > 0 and origin != route[place - 1][0]
                if origin == source:
                    out[channel].append((number, 0, 0) if free else (number, run, place))
        return out

    def _line_up(self, exit: int) -> list[_Piece]:
        """The pieces of an exit, in order."""
        mine = [p for pieces in self.pieces for p in pieces if exit in p.exits]
        if self.exits[exit] is not None:
            return mine
        places = {(int(s), int(c)): i for i, (s, c) in enumerate(self._route(exit))}
        return sorted(mine, key=lambda p: places[p.source, p.channels[0]])

    def blocked(self) -> str:
        """Why the region cannot be routed anew; empty where it can."""
        if max(len(pieces) for pieces in self.pieces) > _MOST_PIECES:
            return "the channels would be cut into too many pieces"
        for number, line in enumerate(self.lines):
            want, have = self._route(number), [(p.source, c) for p in line for c in p.channels]
            if len(have) != len(want):
                return "a channel is used twice by one user"
            if self.exits[number] is None and not np.array_equal(want, have):
                return "a user outside takes its channels in one order only"
        if self._new_operations() > len(self.region.order):
            return "routing it anew takes more operations"
        return ""

    def _new_operations(self) -> int:
        return sum(len(p) > 1 for p in self.pieces) + sum(len(line) > 1 for line in self.lines)

    def apply(self) -> None:
        for number, plan in enumerate(self.sources):
            order = np.asarray([c for p in self.pieces[number] for c in p.channels])
            if plan is not None and not _sorted(order):
                plan.apply(order)
        for number, plan in enumerate(self.exits):
            places = {(int(s), int(c)): i for i, (s, c) in enumerate(self._route(number))}
            order = np.asarray([places[p.source, c] for p in self.lines[number] for c in p.channels])
            if plan is not None and not _sorted(order):
                plan.apply(order)
        self._emit()

    def _emit(self) -> None:
        b = Builder(self.graph, self.region.order[-1])
        parts: dict[_Piece, Value] = {}
        for source, pieces in zip(self.region.sources, self.pieces, strict=True):
            parts.update(zip(pieces, _cut_up(b, source, [len(p.channels) for p in pieces]), strict=True))
        for exit, line in zip(self.region.exits, self.lines, strict=True):
            self._replace(exit, concat(b, [parts[p] for p in line], -1))
        for op in reversed(self.region.order):
            self.graph.erase(op)

    def _replace(self, exit: Value, new: Value) -> None:
        self.graph.replace_value(exit, new, only=[op for op in exit.users if op not in self.region.moves])
        self.graph.outputs = [new if v is exit else v for v in self.graph.outputs]


def _cut_up(b: Builder, value: Value, sizes: Sequence[int]) -> Sequence[Value]:
    """`value` cut along its channels into parts of these sizes."""
    if len(sizes) == 1:
        return [value]
    if len(sizes) <= 2:
        return [narrow(b, value, -1, 0, sizes[0]), narrow(b, value, -1, sizes[0], sizes[1])]
    axis = scalar(b, value.rank - 1, DType.INT32)
    return b.emit_many(ops.SplitV(num_splits=len(sizes)), value, ints(b, sizes), axis)


def _sorted(order: Array) -> bool:
    return bool(np.all(np.diff(order) == 1)) if len(order) > 1 else True
