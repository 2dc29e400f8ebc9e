# make demo        set everything up, analyse the bundled dataset, open the App (ARGS=--no-app stops after the summary)
# make quick       lint, types, and the tests without browser, database and large models: under two minutes
# make test        lint, types, the panels' TypeScript, and every test but those of test-slow
#                  (ARGS= goes to pytest, e.g. ARGS="tests/test_manifest.py -x")
# make test-processors   the numeric tests as other processors would compute them
# make test-slow   the tests that take minutes, or need a GPU (marked `soak`, `gpu`)
# make check       lint, format, types; the panels' TypeScript and its bundle
# make docs        the pages, into site/; warnings are errors
# make dist        wheel, sdist and plugin zip, into dist/, and checks them
# make setup       a virtual environment in .venv, versions as in constraints.txt (PYTHON= chooses the interpreter)
# make clean       remove the environment and every cache

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/set-up-is-done
DOCS_STAMP := $(VENV)/docs-are-set-up
# What needs no FiftyOne dataset: seconds each. tests/conftest.py starts a database only where FiftyOne is imported.
QUICK := tests/attribution tests/evaluation tests/graph tests/models tests/settings tests/steering tests/text \
	$(filter-out tests/test_cli.py tests/test_manifest.py tests/test_trace.py,$(wildcard tests/test_*.py))
# Sums of floats: what another processor may give in another order.
NUMERIC := tests/attribution/words tests/attribution/pairs/test_second_order.py \
	tests/attribution/pairs/test_dataset_factors.py tests/models/blip tests/steering tests/evaluation/test_grounding.py \
	tests/curation/evaluation/test_grounding.py tests/curation/evaluation/test_method_groups.py tests/test_geometry.py \
	tests/test_segments.py
ARGS ?=
export PYTHON

.PHONY: help setup demo quick test test-processors test-slow check python-check docs dist clean

help:
	@sed -n 's/^# //p' Makefile | grep -v '^What needs'

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@.ci/set-up $(VENV)
	@touch $@

$(DOCS_STAMP): $(STAMP)
	@.ci/set-up-docs $(VENV)
	@touch $@

demo: setup
	@$(BIN)/capviz demo $(ARGS)

quick: python-check
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow and not soak" $(QUICK) $(ARGS)

# Two processes, each with a database of its own and one thread a model: threads of two processes would wait for
# each other. The browser's tests share one App, and run after them.
test: setup check
	@.ci/chromium
ifeq ($(strip $(ARGS)),)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not soak and not browser"
	@$(BIN)/python -m pytest -m "browser and not soak"
else
	@$(BIN)/python -m pytest -m "not soak" $(ARGS)
endif

# The numeric tests on the arithmetic of other processors.
test-processors: setup
	@ATEN_CPU_CAPABILITY=default OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not soak and not slow" $(NUMERIC)
	@ATEN_CPU_CAPABILITY=avx2 OPENBLAS_CORETYPE=Haswell OMP_NUM_THREADS=4 $(BIN)/python -m pytest -q -m "not soak and not slow" $(NUMERIC)

test-slow: setup
	@$(BIN)/python -m pytest -m "soak or gpu" $(ARGS)

check: python-check
	@.ci/panels

python-check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(DOCS_STAMP)
	@NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(BIN)/python -m mkdocs build --strict
	@echo "The pages are in site/: open site/index.html"

dist: setup
	@rm -rf dist
	@.ci/dist $(BIN)/python dist
	@CAPVIZ_DIST=dist $(BIN)/python -m pytest -q tests/packaging
	@ls -l dist

clean:
	rm -rf $(VENV) panels/js/node_modules build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
