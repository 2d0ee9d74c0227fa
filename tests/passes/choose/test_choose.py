"""The pass: which rules are asked, and who decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import liteport
from liteport.check.litert import evaluate
from liteport.errors import UsageError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.passes.choose.choose import Choice, Choose, Prefer, preference
from liteport.passes.choose.depthwise import DEPTHWISE_TILES, _in_tiles
from liteport.passes.choose.rule import AS_EMITTED, Kind, Site, Stage
from tests.harness import Function
from tests.passes.choose.test_pointwise import MAPS, Head

EXAMPLE = next(e for e in DEPTHWISE_TILES.examples if e.id == "7x7 on 7x7x768")


def takes_tiles(choice: Choice, kind: Kind = Kind.ALWAYS, stage: Stage = Stage.LATE) -> bool:
    """Whether the pass gives the example the form of the rule, here of that kind."""
    graph = EXAMPLE.graph()
    before = [op.name for op in graph.ops]
    changed = Choose(stage, choice, evaluate, [replace(DEPTHWISE_TILES, kind=kind)]).run(graph)
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


def test_what_is_traded_has_a_price() -> None:
    choice = Choice(Prefer.LATENCY)
    assert takes_tiles(choice, Kind.TRADED)
    (use,) = choice.traded
    assert use.price is not None
    assert 0 < use.price.mean < use.price.worst < 1e-6
    assert 0 < use.price.bytes < 10_000
    assert f"{use.price.bytes:+,} bytes" in str(use)


def test_what_is_not_traded_has_none() -> None:
    choice = Choice()
    assert takes_tiles(choice)
    assert choice.traded == []


def test_a_form_beyond_the_bar_is_declined() -> None:
    def coarse(b: Builder, site: Site) -> Value:
        return b.emit(ops.Mul(), _in_tiles(b, site), b.const(np.float32(1.00001)))

    graph = EXAMPLE.graph()
    rule = replace(DEPTHWISE_TILES, kind=Kind.TRADED, forms={"tiles": coarse})
    choose = Choose(Stage.LATE, Choice(Prefer.LATENCY), evaluate, [rule])
    assert not choose.run(graph)
    assert "more than verification allows" in choose.declined[0][1]


def test_shared_weights_stay_shared() -> None:
    """Two places with one constant get the same constants, which the file holds once."""
    layer = torch.nn.Conv2d(64, 64, 7, padding=3, groups=64)
    once = liteport.convert(layer, (torch.randn(1, 64, 9, 9),)).to_bytes()
    twice = liteport.convert(torch.nn.Sequential(layer, layer), (torch.randn(1, 64, 9, 9),)).to_bytes()
    assert len(twice) - len(once) < layer.weight.nbytes / 2


def test_a_form_that_only_pays_with_other_rules_is_chosen_for_size() -> None:
    """Upsampled parts by their own weights are more layers, until these and the ones before them are one."""
    head = Head()
    sizes = {
        name: len(liteport.convert(head.eval(), tuple(MAPS), prefer=name).to_bytes()) for name in ("size", "plain")
    }
    assert sizes["size"] < sizes["plain"]


def test_plain_has_no_more_than_four_dimensions() -> None:
    def windows(x: torch.Tensor) -> torch.Tensor:
        return x.reshape(1, 2, 7, 2, 7, 8).permute(0, 1, 3, 2, 4, 5).reshape(4, 49, 8)

    model = liteport.convert(Function(windows), (torch.randn(1, 14, 14, 8),), prefer="plain")
    assert max(value.rank for value in model.module.graphs[0].values()) <= 4
