# Everything below works from a fresh clone: the environment is made when a target first needs it.
PYTHON ?= python3
BIN := .venv/bin
# Twice quiet: only errors are shown.
INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-games mutants clean

help:  ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/core  ## Install the core and play the quickstart
	$(BIN)/socratic run

test: .venv/dev  ## Check the style, the types, the imports and the dependencies, and run every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .
	@$(BIN)/socratic models add smollm2 > /dev/null || echo "the tests that need SmolLM2 are skipped"
	$(BIN)/pytest -n 2

bench: .venv/dev  ## Run the benchmarks
	$(BIN)/python -m tests.bench

bench-games: .venv/dev  ## Count the games of other libraries that play here, and time ours
	$(BIN)/python -m tests.bench.games

mutants: .venv/dev  ## Plant rule bugs in every built-in game and see who catches them
	$(BIN)/python -m tests.mutants

clean:  ## Remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info

# The two stamps say what is installed; they are older than pyproject.toml when the declared dependencies have changed.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Socratic needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1); try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/core: pyproject.toml | .venv/bin/python
	@echo "Installing Socratic into .venv; the first time takes some minutes"
	$(INSTALL) --editable '.[solve,smollm2,sandbox]'
	@touch $@

.venv/dev: pyproject.toml | .venv/bin/python
	@echo "Installing Socratic and its checks into .venv; the first time takes some minutes"
	$(INSTALL) --editable '.[dev]'
	@touch .venv/core $@
