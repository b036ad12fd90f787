# Two commands for a newcomer: `make lab` and `make test`. Everything lives in .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m
PIP := $(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: lab test test-slow check format wheel bench clean

lab: $(VENV)/ready
	@$(RUN) meshvm_tui lab

test: $(VENV)/ready-dev
	$(RUN) pytest --numprocesses 2

test-slow: $(VENV)/ready-dev
	$(RUN) pytest -m slow --timeout 600

check: $(VENV)/ready-dev
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/ready-dev
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

wheel: $(VENV)/ready-dev
	$(RUN) build --wheel --outdir dist

bench: $(VENV)/ready-dev
	$(RUN) benchmarks

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 lab")'
	@test -x $(VENV)/bin/python || { echo "Making a Python environment in $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing what the product needs (about 120 MB, once)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready
	@echo "Installing what its tests need"
	@$(PIP) --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
