"""The coverage run: its tables, how it ends networks that fail, its report, and a few small networks from end to end."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.coverage import report
from benchmarks.coverage.__main__ import is_due, options
from benchmarks.coverage.outcome import Outcome
from benchmarks.coverage.runner import Runner
from benchmarks.coverage.suites import SUITES, table
from benchmarks.coverage.timm import FAMILIES
from examples.support.weights import uneven

ROOT = Path(__file__).parents[2]

VERIFIED = Outcome("2026-11-25", 1_240_000, True, True, 4.21, 3.9, 377.4, {"CONV_2D": 26, "TRANSPOSE": 1}, 1e-7, 4e-7)
REFUSED = Outcome("2026-11-24", 990_000, reason="UnsupportedError: 1 operator cannot be converted:\n  a | b")


def test_every_float_network_of_torchvision_is_named() -> None:
    models = pytest.importorskip("examples.support.torchvision_cpu").torchvision.models
    kinds = (models, models.segmentation, models.video, models.optical_flow, models.detection)
    assert set(table("torchvision")) == {name for kind in kinds for name in models.list_models(module=kind)}


def test_every_family_of_timm_is_named_once() -> None:
    pytest.importorskip("examples.support.torchvision_cpu")
    timm = pytest.importorskip("timm")
    assert sorted(FAMILIES) == sorted(timm.list_modules())
    assert [f for f, name in FAMILIES.items() if name not in timm.list_models(module=f)] == []
    assert list(table("timm")) == list(FAMILIES.values())


def test_nothing_that_is_computed_can_hide_behind_even_weights() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.LayerNorm(4))
    module.register_parameter("layer_scale", nn.Parameter(torch.full((4,), 1e-6)))
    kept = module[0].weight.clone()
    nn.init.zeros_(module[0].bias)
    uneven(module)
    assert all(p.unique().numel() == p.numel() for p in module.parameters())
    assert torch.equal(module[0].weight, kept)


@pytest.mark.parametrize("suite", SUITES)
def test_tables_can_be_read_without_building_anything(suite: str) -> None:
    assert all(name and callable(network.make) for name, network in table(suite).items())


def test_a_row_holds_the_figures_or_the_reason() -> None:
    assert report.row("a", VERIFIED) == ("a", "1.2 M", "27", "1", "4.2", "3.9", "377", "0.25", "verified")
    assert report.row("a", replace(VERIFIED, rounding=True))[-1] == "verified, rounding"
    assert report.row("b", REFUSED)[-1] == r"UnsupportedError: 1 operator cannot be converted: a \| b"
    assert {len(report.row("a", o)) for o in (VERIFIED, REFUSED, Outcome())} == {len(report.HEADER)}


def test_a_long_reason_is_cut() -> None:
    assert len(report.brief("word " * 100)) < 200
    assert report.brief("word " * 100).endswith("word ...")


def test_the_page_counts_and_dates() -> None:
    outcomes = {"torchvision": {"a": VERIFIED, "b": REFUSED}}
    again, versions = report.read(report.document(outcomes, {"torch": "2.13.0"}))
    assert again == outcomes
    page = report.page(again, versions)
    assert "Measured 2026-11-24 to 2026-11-25 with torch 2.13.0." in page
    assert "| torchvision | 2 | 1 | 1 |" in page


def test_the_page_is_what_the_report_says() -> None:
    docs = ROOT / "docs"
    written = report.page(*report.read((docs / "coverage.json").read_text()))
    assert (docs / "coverage.md").read_text() == written, "run: python -m benchmarks.coverage --publish"


@pytest.mark.parametrize(
    ("stored", "arguments", "due"),
    [
        pytest.param(None, [], True, id="never run"),
        pytest.param(REFUSED, [], False, id="failed"),
        pytest.param(REFUSED, ["--failed"], True, id="failed, to be run again"),
        pytest.param(VERIFIED, ["--failed"], False, id="verified"),
        pytest.param(VERIFIED, ["--again"], True, id="all again"),
    ],
)
def test_what_has_an_outcome_is_left_out(stored: Outcome | None, arguments: list[str], due: bool) -> None:
    assert is_due(stored, options(arguments)) is due


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["keras"], "no suite is called keras"),
        (["timm", "--names", "lenet"], "timm have no lenet"),
    ):
        with pytest.raises(SystemExit):
            options(arguments)
        assert said in capsys.readouterr().err


def test_a_network_that_takes_too_long_has_a_reason(tmp_path: Path) -> None:
    runner = Runner(tmp_path, timeout=0.05)
    outcome = runner.run("torchvision", "squeezenet1_1")
    assert outcome.reason == "not done after 0 s"
    assert runner.outcome("torchvision", "squeezenet1_1") == outcome


@pytest.mark.slow
def test_small_networks_are_converted_and_verified(tmp_path: Path) -> None:
    few = ["torchvision", "--names", "squeezenet1_1", "shufflenet_v2_x0_5", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.coverage", *few]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("verified") == 2
    stored = json.loads((tmp_path / "torchvision" / "squeezenet1_1.json").read_text())
    assert stored["operators"]["CONV_2D"] == 26
    assert stored["seconds"] > 0
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (0, "")
