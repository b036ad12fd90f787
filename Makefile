# Two commands for a newcomer: `make lab` and `make test`. Everything lives in .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m
PIP := $(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: lab test test-slow real real-vm real-api real-tools check format wheel bench clean

lab: $(VENV)/ready
	@$(RUN) meshvm_tui lab

test: $(VENV)/ready-dev
	@$(RUN) tools.tiers test

test-slow: $(VENV)/ready-dev
	@$(RUN) tools.tiers slow

# Needs root, systemd-nspawn and debootstrap.
real-vm: $(VENV)/ready-dev
	@$(RUN) tools.tiers real-vm

# Needs what `make real-tools` makes.
real-api: $(VENV)/ready-dev
	@$(RUN) tools.tiers real-api

# Builds or finds etcd, kube-apiserver and istioctl in a cache outside the tree; needs Go.
real-tools: $(VENV)/ready-dev
	@$(RUN) tools.real_tools

# Every tier, and what ran with counts. With REQUIRE_REAL=1 nothing may be left out.
real: $(VENV)/ready-dev
	@$(RUN) tools.tiers

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
