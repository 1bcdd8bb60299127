"""Planted rule bugs: how many of them the check, the golden transcripts and a game's own tests catch. Run `python -m tests.mutants`."""
