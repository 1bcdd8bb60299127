"""Learning: episodes and rewards in, the next weights out."""
