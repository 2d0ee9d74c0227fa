"""Files that are called like a model and are something else, told by how they begin."""

from __future__ import annotations

# In lower case.
_STARTS = {
    b"version https://git-lfs": "a Git LFS pointer: the file itself was not downloaded (git lfs pull)",
    b"<!doctype html": "a web page: the download went wrong",
    b"<html": "a web page: the download went wrong",
    b"\x1f\x8b": "compressed by gzip: unpack it first",
}
LONGEST = max(map(len, _STARTS))


def disguise(head: bytes) -> str | None:
    """What a file that begins with these bytes is, and what to do; None where nothing is known against it."""
    begin = head[:LONGEST].lower()
    return next((what for start, what in _STARTS.items() if begin.startswith(start)), None)
