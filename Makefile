# make demo   set everything up, run the quickstart notebook, write quickstart.html to look at
# make test   set everything up, run everything

# The first Python that is new enough; another one: make test PYTHON=/path/to/python
PYTHON ?= $(shell scripts/find-python)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What the installed package is built from: a change of these installs again, nothing else does.
BUILT_FROM := pyproject.toml hatch_build.py $(shell find js -name node_modules -prune -o -type f -print)

.DEFAULT_GOAL := help
.PHONY: help setup demo lab test lint notebooks bench format clean chromium

help:
	@sed -n 's/^# //p' Makefile | head -n 2
	@echo "make lab    open the quickstart notebook in JupyterLab"
	@echo "make lint   formatters, linters, type checkers and the TypeScript tests alone"
	@echo "make format rewrite the sources in the one format"
	@echo "make notebooks  run the notebooks and keep their outputs, to be committed"
	@echo "make chaos  kill workers, kernels and patience at random moments, for some minutes"
	@echo "make bench  compare with joblib, multiprocessing and others on this machine"
	@echo "make clean  remove what the commands above made"

setup: $(READY)

$(BIN)/python:
	@scripts/find-python --check "$(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV)

$(READY): $(BIN)/python $(BUILT_FROM)
	@echo "Installing what the project needs into $(VENV) and building the front end: a minute or two"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/jupyter nbconvert --to html --execute notebooks/quickstart.ipynb --output-dir . --output quickstart.html
	@echo "Look at quickstart.html, or work with it: make lab"

lab: $(READY)
	$(BIN)/jupyter lab notebooks/quickstart.ipynb

test: $(READY) chromium
	$(BIN)/python -m pytest

chromium:
	@scripts/chromium

lint: $(READY)
	$(BIN)/python -m pytest tests/test_checks.py

notebooks: $(READY)
	$(BIN)/python scripts/run_notebooks.py

chaos: $(READY)
	CHAOS=long $(BIN)/python -m pytest tests/chaos --timeout 1500 -s

bench: $(READY)
	$(BIN)/python -m benchmarks

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python scripts/npm.py run format

clean:
	rm -rf $(VENV) js/node_modules jupyter_parallel/notebook/static dist quickstart.html
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
