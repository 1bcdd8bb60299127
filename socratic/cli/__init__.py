"""The command line: one file for each group of commands; nothing heavy is loaded before a command needs it."""

import sys

from socratic.errors import Interrupted, SocraticError
from socratic.tracker.sanitise import sanitise

__all__ = ["main"]

MOST_SAID = 4000


def main() -> None:
    """Run the command line; an error raised on purpose is one line on standard error and its own exit code."""
    try:
        from socratic.cli.app import app

        app(prog_name="socratic")
    except SocraticError as error:
        # A note says what became of the run that the error ended.
        said = "; ".join([str(error), *getattr(error, "__notes__", [])])
        # It may quote what a stranger or a model wrote.
        print(f"socratic: {sanitise(' '.join(said.splitlines()), MOST_SAID)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _leave_interrupted()
    except SystemExit as left:
        # Typer makes this of a Ctrl-C that reached no run, and says nothing.
        if left.code == Interrupted.exit_code:
            _leave_interrupted()
        raise


def _leave_interrupted() -> None:
    print("socratic: left at once", file=sys.stderr)
    sys.exit(Interrupted.exit_code)
