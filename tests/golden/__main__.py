"""`python -m tests.golden [NAME...]`: write the golden transcripts of the named games, or of all, anew.

A golden file changes only with a sentence that says why.
"""

import sys

from tests.golden.transcripts import FOLDER, built_in_games, make, save


def main() -> int:
    """Write the transcripts; 1 where a game is not known."""
    games = built_in_games()
    names = sys.argv[1:] or list(games)
    unknown = [name for name in names if name not in games]
    if unknown:
        sys.stderr.write(f"no built-in game is called {unknown[0]}; known: {', '.join(games)}\n")
        return 1
    for name in names:
        save(name, make(games[name]))
        sys.stdout.write(f"{name}: {(FOLDER / f'{name}.json').stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
