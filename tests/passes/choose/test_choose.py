"""The pass: which rules are asked, and who decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liteport.errors import UsageError
from liteport.passes.choose.choose import Choice, Choose, Prefer, preference
from liteport.passes.choose.depthwise import DEPTHWISE_TILES
from liteport.passes.choose.rule import AS_EMITTED, Kind, Stage

EXAMPLE = next(e for e in DEPTHWISE_TILES.examples if e.id == "7x7 on 7x7x768")


def takes_tiles(choice: Choice, kind: Kind = Kind.ALWAYS, stage: Stage = Stage.LATE) -> bool:
    """Whether the pass gives the example the form of the rule, here of that kind."""
    graph = EXAMPLE.graph()
    before = [op.name for op in graph.ops]
    changed = Choose(stage, choice, [replace(DEPTHWISE_TILES, kind=kind)]).run(graph)
    after = [op.name for op in graph.ops]
    assert changed == (before != after) == bool(choice.used)
    return changed


@pytest.mark.parametrize(
    ("kind", "choice", "taken"),
    [
        (Kind.ALWAYS, Choice(), True),
        (Kind.TUNED, Choice(), False),
        (Kind.TRADED, Choice(), False),
        (Kind.TRADED, Choice(Prefer.LATENCY), True),
        (Kind.TUNED, Choice(Prefer.LATENCY), False),
        (Kind.TUNED, Choice(decide=lambda rule, site, names: "tiles"), True),
        (Kind.TRADED, Choice(decide=lambda rule, site, names: "tiles"), False),
        (Kind.ALWAYS, Choice(decide=lambda rule, site, names: AS_EMITTED), False),
        (Kind.ALWAYS, Choice(decide=lambda rule, site, names: None), True),
        (Kind.ALWAYS, Choice(Prefer.SIZE), False),
        (Kind.ALWAYS, Choice(Prefer.PLAIN), False),
    ],
)
def test_kind_and_preference(kind: Kind, choice: Choice, taken: bool) -> None:
    assert takes_tiles(choice, kind) is taken


def test_a_rule_is_asked_at_its_own_stage() -> None:
    assert not takes_tiles(Choice(), stage=Stage.EARLY)


def test_whoever_decides_is_told_the_forms() -> None:
    told: list[tuple[str, ...]] = []
    for kind in (Kind.ALWAYS, Kind.TUNED):
        takes_tiles(Choice(decide=lambda rule, site, names: told.append(tuple(names))), kind)
    assert told == [("tiles", AS_EMITTED), (AS_EMITTED, "tiles")]


def test_an_unknown_preference() -> None:
    with pytest.raises(UsageError, match="balanced, latency, size, plain"):
        preference("speed")
