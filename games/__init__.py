"""The built-in games, one file each; plugins like anybody's, imported as `socratic_games`."""
