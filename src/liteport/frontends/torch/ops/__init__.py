"""TEMPORARY while the families are being written: merges whichever exist."""

import importlib
from pathlib import Path

from liteport.frontends.torch.context import Table

LOWERINGS: Table = {}
for _p in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    try:
        _m = importlib.import_module(f"{__name__}.{_p.stem}")
    except Exception as e:
        print("SKIP", _p.stem, e)
        continue
    LOWERINGS |= getattr(_m, "LOWERINGS", {})
