"""The meta-game: which games are played."""
