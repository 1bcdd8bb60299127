"""Golden transcripts: random matches of every built-in game, written down. `python -m tests.golden NAME...` writes them anew."""
