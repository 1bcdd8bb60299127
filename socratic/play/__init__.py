"""Play: blocks of matches, and who sits at their tables."""
