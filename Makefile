# The two commands of the README, and the checks behind them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-all lint lock

demo: $(INSTALLED)  ## project the bundled sample, train a student on it, and score it
	$(BIN)/python jobs/project_corpus.py --target de --out out/demo --then-train --json out/demo/summary.json

test: $(INSTALLED) lint  ## what CI runs
	$(BIN)/python -m pytest -m "not slow"

test-all: $(INSTALLED) lint  ## the slow tests as well
	$(BIN)/python -m pytest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --constraint requirements.lock --editable '.[dev]'
	touch $@

lock: $(INSTALLED)  ## write down the versions that are installed
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock
