"""Everything liteport raises on purpose.

LiteportError                 one sentence: what, where, and what to do
 ├─ UsageError                called wrongly (exit code 2)
 │   └─ InputError            a file or an argument that cannot be what it claims to be
 │       ├─ UnsafeFileError   a file that would run code, or reach outside its folder
 │       └─ WeightsError      weights that do not fit their module
 ├─ UnsupportedError          operators or forms that have no lowering, all of them at once
 ├─ InvalidGraphError         a graph that breaks the IR's rules: a bug in liteport
 └─ VerificationError         a converted model that does not match its origin
"""

from __future__ import annotations

from typing import Any


class LiteportError(Exception):
    """Base of all; its text is meant to be read by the user as it is."""

    exit_code = 1


class UsageError(LiteportError):
    """Called wrongly: a bad option, a bad combination, a missing argument."""

    exit_code = 2


class InputError(UsageError):
    """A file or argument that is not what it should be."""


class UnsafeFileError(InputError):
    """A file that would run code when loaded, or that points outside its own folder."""


class WeightsError(InputError):
    """Weights whose names or shapes do not fit the module they are meant for."""


class UnsupportedError(LiteportError):
    """Operators or forms with no lowering; the message lists all of them."""


class InvalidGraphError(LiteportError):
    """A graph that breaks the IR's own rules: a bug in liteport, never the user's fault."""


class VerificationError(LiteportError):
    """A converted model whose outputs do not match its origin's.

    `verification` is the comparison (check.Verification), where there was one to the end.
    """

    def __init__(self, message: str, verification: Any = None) -> None:
        super().__init__(message)
        self.verification = verification
