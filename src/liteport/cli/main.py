"""The command line: its commands, its exit codes, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import liteport
from liteport.cli.convert import convert
from liteport.cli.inspect import inspect
from liteport.cli.profile import profile
from liteport.cli.stages import stages
from liteport.cli.tune_kit import tune_kit
from liteport.cli.verify import verify
from liteport.errors import LiteportError

INTERRUPTED = 130
_WIDEST = 2000  # characters of a line of an error

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
for command in (convert, stages, verify, inspect, profile, tune_kit):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"liteport {liteport.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Carries a trained model to TFLite (LiteRT) and proves that it arrived intact."""


def main() -> None:
    """The entry point. Exits with 0 where all is well, 1 where the work failed, 2 where it was called wrongly, and 130
    where it was interrupted."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # names that the terminal cannot show
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # Python's are for programmers; whoever wants them asks with PYTHONWARNINGS
    # PyTorch's threads sleep while they wait: spinning makes a comparison 50 times slower where others use the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; its exit code."""
    try:
        code = app(list(arguments), prog_name="liteport", standalone_mode=False)
        sys.stdout.flush()  # here, where it is known what to do if nobody reads any more
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone: nothing more to say, nor to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _fail(error, arguments)
    if code == INTERRUPTED:
        _say("interrupted: nothing was written")
    return code if isinstance(code, int) else 0


def _fail(error: Exception, arguments: Sequence[str]) -> int:
    """Says what went wrong: one sentence on stderr, and with --json an object on stdout."""
    message, code = _described(error)
    if "--debug" in arguments:
        traceback.print_exception(error)
    if "--json" in arguments:
        verification = getattr(error, "verification", None)
        result: dict[str, Any] = {"error": {"type": type(error).__name__, "message": message}}
        if verification is not None:
            result["verification"] = verification.to_dict()
        print(json.dumps(result, indent=2))
    _say(f"error: {message}")
    return code


def _described(error: Exception) -> tuple[str, int]:
    """A sentence for the user, and the exit code."""
    if isinstance(error, LiteportError):
        return str(error), error.exit_code
    if hasattr(error, "format_message"):  # typer's own, for options that it does not know
        return f"{error.format_message().rstrip('.')}: see liteport --help", 2
    if isinstance(error, MemoryError):
        return "there is not enough memory for this model", 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}", 1
    kind = type(error).__name__
    return (
        f"unexpected {kind}: {error}. This is a bug in liteport: run it again with --debug, and report what it shows",
        1,
    )


def _say(sentence: str) -> None:
    print("\n".join(map(_shown, sentence.split("\n"))), file=sys.stderr)


def _shown(line: str) -> str:
    """The line for a terminal: names out of a file may hold anything, control characters and megabytes among it."""
    plain = "".join(c if c.isprintable() else "?" for c in line[: _WIDEST + 1])
    return plain if len(plain) <= _WIDEST else f"{plain[:_WIDEST]}..."


def _terminated(*_: Any) -> None:
    """SIGTERM ends the run like Ctrl-C does: nothing is left behind."""
    raise KeyboardInterrupt
