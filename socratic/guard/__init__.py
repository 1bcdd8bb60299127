"""The guard: drift measured from inside signals."""
