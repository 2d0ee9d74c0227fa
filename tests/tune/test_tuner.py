"""Deciding: by measuring, once for each kind of place and only as long as it may take; and by a record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

import liteport
from liteport import api
from liteport.check.litert import evaluate
from liteport.errors import InputError, UsageError
from liteport.passes.choose.choose import Choice
from liteport.passes.choose.rule import AS_EMITTED
from liteport.passes.pipeline import optimise
from liteport.tune import runner
from liteport.tune.record import Record, Time
from liteport.tune.tuner import Tuner

X = torch.randn(1, 8, 14, 14)


class Net(nn.Module):
    """Three large depthwise convolutions, of which two are alike."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.Sequential(*(nn.Conv2d(8, 8, k, padding="same", groups=8) for k in (7, 7, 9)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.convs(x)
        return y


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Lets tiles be slow, and notes the forms of each measurement."""
    asked: list[list[str]] = []

    def measure(models: Mapping[str, bytes], threads: int, seconds: float) -> dict[str, list[float]]:
        asked.append(list(models))
        return {form: [1.0 if form == AS_EMITTED else 2.0, 0.01] for form in models}

    monkeypatch.setattr(runner, "measure", measure)
    return asked


def depthwise(model: liteport.LiteModel) -> int:
    return model.inspect().operators["DEPTHWISE_CONV_2D"]


def test_measuring(measured: list[list[str]]) -> None:
    assert depthwise(liteport.convert(Net(), X)) > 3
    model = liteport.convert(Net(), X, tune=True, verify=1)
    assert depthwise(model) == 3
    assert [AS_EMITTED in forms and len(forms) for forms in measured] == [2, 2]
    assert model.tuning is not None
    assert len(model.tuning.places) == 2
    assert model.notes[-1].endswith("2 of 2 places measured, 3 get another form than by default")


def test_a_record_decides_without_measuring(measured: list[list[str]], tmp_path: Path) -> None:
    tuned = liteport.convert(Net(), X, tune=True)
    assert tuned.tuning is not None
    tuned.tuning.save(tmp_path / "r.json")
    measured.clear()
    for record in (tuned.tuning, tmp_path / "r.json", str(tmp_path / "r.json")):
        again = liteport.convert(Net(), X, tune=record)
        assert depthwise(again) == 3
        assert "by a record of" in again.notes[-1]
        assert again.tuning == tuned.tuning
    assert measured == []


def test_a_spent_budget_leaves_the_rest_to_the_rules(measured: list[list[str]]) -> None:
    tuner = Tuner.measuring(1e-9)
    module = api.convert(Net(), X, prefer="size").module  # in which nothing is in tiles yet
    optimise(module, evaluate, Choice(decide=tuner.decide))
    assert len(measured) == 1
    assert "1 of 2 places measured" in tuner.finish()[0]


def test_a_record_of_another_model() -> None:
    record = Record(
        "a phone", "ai-edge-litert 2.3.0", 1, {("depthwise tiles", "another"): {AS_EMITTED: Time(1.0, 0.0)}}
    )
    with pytest.raises(UsageError, match="of a phone knows none of this model's 2 places"):
        liteport.convert(Net(), X, tune=record)
    plain = liteport.convert(nn.Linear(3, 3), torch.ones(1, 3), tune=record)
    assert plain.notes[-1] == "tuning: no part of this model has several forms"


def test_a_record_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(InputError, match="is no tuning record"):
        liteport.convert(Net(), X, tune=tmp_path / "r.json")


def test_forms_that_are_not_offered_any_more_do_not_count() -> None:
    record = liteport.convert(Net(), X, tune=0.5).tuning
    assert record is not None
    for times in record.places.values():
        times["a form of another version"] = Time(1e-6, 0.0)
    assert liteport.convert(Net(), X, tune=record, verify=1).notes
