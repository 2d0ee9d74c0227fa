"""record: what was measured of a model's places, on which device; kept as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liteport.errors import InputError
from liteport.tune.runner import FORMAT, VERSION

# A form is taken instead of the default where it is faster by this share of the time and by this many spreads.
MARGIN, SPREADS = 0.01, 2.0

Place = tuple[str, str]
"""A rule's name, and the key of a site."""


@dataclass(frozen=True)
class Time:
    """Milliseconds of a run, and how far measurements are from that."""

    typical: float
    spread: float


@dataclass
class Record:
    """Times by place and form, as measured on a device with a runtime on so many threads."""

    device: str
    runtime: str
    threads: int = 1
    places: dict[Place, dict[str, Time]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> Record:
        """The record in a file. Raises InputError for one that cannot be read, or holds something else."""
        try:
            found = json.loads(Path(path).read_text())
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise InputError(f"{path} is no tuning record: it is not JSON, or damaged") from error
        return _record(found, path)

    def save(self, path: str | Path) -> None:
        """Writes it as JSON."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1) + "\n")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in the file."""
        sites = [
            {"rule": rule, "key": key, "milliseconds": {form: [t.typical, t.spread] for form, t in times.items()}}
            for (rule, key), times in self.places.items()
        ]
        head = {"format": FORMAT, "version": VERSION, "device": self.device, "runtime": self.runtime}
        return {**head, "threads": self.threads, "sites": sites}


def fastest(times: Mapping[str, Time], default: str) -> str:
    """The form that is faster than the default beyond doubt, else the default. Ties go to the default."""
    best = min(times, key=lambda form: times[form].typical)
    if default not in times:
        return best
    mine, theirs = times[default], times[best]
    gain = mine.typical - theirs.typical
    clear = gain > MARGIN * mine.typical and gain > SPREADS * (mine.spread + theirs.spread)
    return best if clear else default


def _record(found: Any, path: str | Path) -> Record:
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"{path} is no tuning record: liteport convert --tune --tune-record writes one")
    if found.get("version") != VERSION:
        raise InputError(f"{path} is a tuning record of version {found.get('version')}, this liteport reads {VERSION}")
    try:
        places = {(str(s["rule"]), str(s["key"])): _times(s["milliseconds"]) for s in found["sites"]}
        return Record(str(found["device"]), str(found["runtime"]), int(found["threads"]), places)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is a damaged tuning record: {type(error).__name__} {error}") from error


def _times(found: Mapping[str, Any]) -> dict[str, Time]:
    times = {form: Time(float(typical), float(spread)) for form, (typical, spread) in found.items()}
    if not times or not all(math.isfinite(t.typical) and t.typical > 0 and t.spread >= 0 for t in times.values()):
        raise ValueError("times must be above 0")
    return times
