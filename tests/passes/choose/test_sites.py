"""What a profile is told of the rules: who would take another form, and what to call for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from liteport.passes.choose.depthwise import DEPTHWISE_TILES
from liteport.passes.choose.rule import AS_EMITTED, Kind
from liteport.passes.choose.sites import advice

CASES = [
    (Kind.ALWAYS, ["tiles"], "depthwise tiles: liteport convert"),
    (Kind.ALWAYS, ["tiles", AS_EMITTED], "depthwise tiles: liteport convert"),
    (Kind.ALWAYS, [AS_EMITTED, "tiles"], "depthwise tiles: liteport convert --tune"),
    (Kind.TUNED, ["tiles"], "depthwise tiles: liteport convert --tune"),
    (Kind.TRADED, ["tiles"], "depthwise tiles: liteport convert --prefer latency"),
    (Kind.PLAIN, ["tiles"], None),
    (Kind.ALWAYS, [AS_EMITTED], None),
]


@pytest.mark.parametrize(("kind", "names", "expected"), CASES)
def test_advice(kind: Kind, names: Sequence[str], expected: str | None) -> None:
    rule = replace(DEPTHWISE_TILES, kind=kind, candidates=lambda site: names)
    graph = rule.examples[0].graph()
    assert set(advice(graph, [rule]).values()) == ({expected} if expected else set())
