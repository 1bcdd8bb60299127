"""Benchmarks: what the project claims in numbers, measured and written to `docs/results.md` by the benchmark itself."""
