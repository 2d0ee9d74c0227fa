"""Records: what a file of one holds, what is refused, and which form is taken by its times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liteport.errors import InputError
from liteport.tune.record import Record, Time, fastest

RECORD = Record(
    "a phone", "ai-edge-litert 2.3.0", 2, {("rule", "key"): {"plain": Time(2.0, 0.1), "fast": Time(1.0, 0.0)}}
)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    RECORD.save(tmp_path / "r.json")
    assert Record.load(tmp_path / "r.json") == RECORD


def changed(**fields: Any) -> str:
    return json.dumps({**RECORD.to_dict(), **fields})


BAD = {
    "no json": ("nonsense", "is no tuning record: it is not JSON"),
    "another list": ("[1]", "is no tuning record: liteport convert --tune"),
    "another object": ('{"format": "other"}', "is no tuning record: liteport convert --tune"),
    "another version": (changed(version=9), "of version 9, this liteport reads 1"),
    "no sites": (changed(sites=None), "is a damaged tuning record"),
    "a site without times": (changed(sites=[{"rule": "r", "key": "k"}]), "is a damaged tuning record"),
    "times below 0": (changed(sites=[{"rule": "r", "key": "k", "milliseconds": {"f": [-1, 0]}}]), "above 0"),
    "times in words": (changed(sites=[{"rule": "r", "key": "k", "milliseconds": {"f": ["x", 0]}}]), "damaged"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_bad_records(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        Record.load(tmp_path / "r.json")
    assert "r.json" in str(caught.value)


def test_a_missing_record(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"r\.json: No such file"):
        Record.load(tmp_path / "r.json")


CASES = {
    "faster": ({"plain": (2.0, 0.1), "fast": (1.0, 0.1)}, "fast"),
    "slower": ({"plain": (1.0, 0.1), "fast": (2.0, 0.1)}, "plain"),
    "within the margin": ({"plain": (1.0, 0.0), "fast": (0.995, 0.0)}, "plain"),
    "within the noise": ({"plain": (2.0, 0.3), "fast": (1.5, 0.3)}, "plain"),
    "the fastest of several": ({"plain": (3.0, 0.0), "fast": (2.0, 0.0), "faster": (1.0, 0.0)}, "faster"),
    "no default": ({"fast": (2.0, 0.0), "faster": (1.0, 0.0)}, "faster"),
}


@pytest.mark.parametrize(("times", "expected"), CASES.values(), ids=CASES)
def test_fastest(times: dict[str, tuple[float, float]], expected: str) -> None:
    assert fastest({form: Time(*time) for form, time in times.items()}, "plain") == expected
