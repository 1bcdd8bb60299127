"""Critics: episodes in, rewards out."""
