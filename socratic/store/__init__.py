"""What a run leaves on disk: its directory, its record, its checkpoints, and where they come from."""
