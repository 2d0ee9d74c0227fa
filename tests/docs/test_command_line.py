"""docs/command-line.md names every command and option that there is."""

from pathlib import Path

import pytest
from typer.main import get_group

from liteport.cli.main import app

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
COMMANDS = get_group(app).commands


@pytest.mark.parametrize("command", list(COMMANDS))
def test_the_command_line_page_is_complete(command: str) -> None:
    options = {name for parameter in COMMANDS[command].params for name in parameter.opts if name.startswith("-")}
    assert f"## {command}\n" in PAGE
    assert {name for name in options if f"`{name}" not in PAGE} == set()
