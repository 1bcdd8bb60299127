"""The command line: one file for each group of commands; nothing heavy is loaded before a command needs it."""

import sys

from socratic.errors import SocraticError

__all__ = ["main"]


def main() -> None:
    """Run the command line; an error raised on purpose is one line on standard error and its own exit code."""
    from socratic.cli.app import app

    try:
        app(prog_name="socratic")
    except SocraticError as error:
        print(f"socratic: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
