# Everything a developer types. Needs Python 3.11 or later with pip, and nothing else.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# Debian's Python makes environments without a pip of their own; then the system's installs into them.
PIP = $$($(BIN)/python -m pip --version >/dev/null 2>&1 && echo $(BIN)/python -m pip || echo $(PYTHON) -m pip --python $(BIN)/python)

.DEFAULT_GOAL := help
.PHONY: help setup train test long fuzz kill faults trials check docs bench clean

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with netdsl and what it needs; nothing is done where it is up to date

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "netdsl needs Python 3.11 or later; name one with: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv || $(PYTHON) -m venv --clear --without-pip .venv
	$(PIP) install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

train: setup ## train MobileNetV2 as specs/mobilenetv2.yaml declares it
	$(BIN)/netdsl train specs/mobilenetv2.yaml

# One thread for each of the two workers: torch's own threads would only fight over the cores.
test: setup ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

long: setup ## run all that `make test` leaves out because it takes long
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 -m long

fuzz: setup ## check 20,000 texts that nobody would write: none may fail, wait, or fill the memory
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzzing

kill: setup ## kill a sweep and a search ten times each: every trial must be there once, with the same figures
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long tests/sweep

faults: setup ## kill trainings at any moment, flip bits, fill disks: nothing may be lost
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m '' tests/training/test_faults.py tests/training/parallel/test_failing.py

trials: setup ## train tasks as their articles do, for minutes, against what their figures are held to
	$(BIN)/python -m pytest -m long -s tests/training/tasks

check: setup ## look for faults without running: ruff, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: setup ## write the generated pages anew
	$(BIN)/python -m netdsl.cli.pages

bench: setup ## measure against the tools one would use instead
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean: ## remove .venv and what tools left
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
