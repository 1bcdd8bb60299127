"""Other libraries' games as ours."""
