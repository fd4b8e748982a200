# One command checks everything, and CI runs the same (through .ci/run): make check
PYTHON ?= .venv/bin/python

.PHONY: check check-static test lint types contracts docs wheel format bench

check: check-static test wheel

check-static: lint types contracts docs

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

contracts:
	$(PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

test:
	$(PYTHON) -m pytest -n auto --dist worksteal

# Pasted output in README.md and docs/ is generated; this fails when it is not what labctl prints.
docs:
	$(PYTHON) docs/generate.py --check

# The built wheel, installed into an environment of its own and run from an empty directory:
# an editable install would hide a lab or a data file that is missing from the wheel.
wheel:
	PYTHON=$(PYTHON) sh tests/wheel.sh

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) docs/generate.py

bench:
	$(PYTHON) benchmarks/run.py
