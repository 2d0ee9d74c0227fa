"""kit: the candidates of a model's places as files, and the script that measures them on another device."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liteport.backends.tflite.writer import save
from liteport.check.litert import evaluate
from liteport.ir.graph import Graph, Module
from liteport.passes.choose.candidates import candidates
from liteport.passes.choose.rule import Rule, Site
from liteport.tune import runner
from liteport.tune.key import key
from liteport.tune.record import Place

MANIFEST, SCRIPT = "manifest.json", "run.py"


@dataclass
class Kit:
    """Collects the places of a conversion, which gets the rules' defaults."""

    places: dict[Place, Mapping[str, Graph]] = field(default_factory=dict)
    record: None = None

    def decide(self, rule: Rule, site: Site, names: Sequence[str]) -> None:
        """Notes the forms of `site`, and leaves it to the rule."""
        place = rule.name, key(site)
        if place not in self.places:
            forms = candidates(rule, site, evaluate)
            self.places[place] = {form: graph for form, graph in forms.items() if form in names}

    def finish(self) -> list[str]:
        """Nothing to say."""
        return []

    def write(self, folder: Path) -> list[Path]:
        """Writes the files, the manifest and the script into `folder`, which is made; the paths."""
        folder.mkdir(parents=True, exist_ok=True)
        sites = [self._site(folder, number, place) for number, place in enumerate(self.places)]
        (folder / MANIFEST).write_text(json.dumps({"sites": sites}, indent=1) + "\n")
        shutil.copyfile(runner.__file__, folder / SCRIPT)
        files = [folder / str(name) for site in sites for name in site["files"].values()]
        return [folder / SCRIPT, folder / MANIFEST, *files]

    def _site(self, folder: Path, number: int, place: Place) -> dict[str, Any]:
        files = {}
        for form, graph in self.places[place].items():
            files[form] = f"{number:03}_{form.replace(' ', '_')}.tflite"
            save(Module([graph]), folder / files[form])
        return {"rule": place[0], "key": place[1], "files": files}
