"""Keeping what LiteRT's C++ says about itself off stderr; whatever else appears there is passed on."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# Its one line per process about its delegate, for which there is no setting.
GREETING = re.compile(rb"INFO: Created TensorFlow Lite[^\n]*\n")
# All that is not about an error.
CHATTER = re.compile(rb"(?:INFO|WARNING|VERBOSE): [^\n]*\n")


@contextmanager
def without(lines: re.Pattern[bytes]) -> Iterator[None]:
    """Leaves these lines out of what is written to the process's stderr meanwhile."""
    saved = _duplicate(2)
    if saved is None:
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            caught.seek(0)
            os.write(2, lines.sub(b"", caught.read()))


def _duplicate(descriptor: int) -> int | None:
    """A second descriptor of the same stream, or None where it is closed."""
    try:
        return os.dup(descriptor)
    except OSError:
        return None
