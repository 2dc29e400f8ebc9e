# make demo    set everything up, analyse the bundled dataset, open the App (ARGS=--no-app stops after the summary)
# make test    set everything up, run every test   (ARGS= goes to pytest, e.g. ARGS="tests/test_manifest.py -x")
# make check   lint, format, types; the panels' TypeScript and its bundle
# make setup   a virtual environment in .venv, versions as in constraints.txt (PYTHON= chooses the interpreter)
# make clean   remove the environment and every cache

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/set-up-is-done
ARGS ?=
export PYTHON

.PHONY: help setup demo test check clean

help:
	@sed -n 's/^# //p' Makefile

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@.ci/set-up $(VENV)
	@touch $@

demo: setup
	@$(BIN)/capviz demo $(ARGS)

test: setup check
	@.ci/chromium
	@$(BIN)/python -m pytest $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@.ci/panels

clean:
	rm -rf $(VENV) panels/js/node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
