# make repro   set up the environment if need be, then run the whole study: dvc repro
# make test    set up the environment if need be, then run the tests
# make check   linting, formatting and types
#
# TORCH=2.9.1  another torch build (default 2.13.0)    FAISS=gpu  faiss-gpu instead of faiss-cpu
# PYTHON=...   the interpreter that makes .venv (3.11 or newer)

PYTHON ?= python3
TORCH ?= 2.13.0
FAISS ?= cpu
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready-torch$(TORCH)-faiss-$(FAISS)
PAGE := .dvc/plots/page_offline.html

# libgomp's idle threads would spin, which makes two threads slower than one on a busy machine.
export OMP_WAIT_POLICY ?= PASSIVE
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: repro test test-slow check setup help
.DEFAULT_GOAL := help

help:  ## what there is
	@sed -n '1,7s/^# \{0,1\}//p' Makefile

repro: setup  ## the whole study
	dvc repro

test: setup  ## the default test suite
	pytest

test-slow: setup  ## heavier tests as well
	pytest -m "slow or not slow"

check: setup  ## linting, formatting, types
	ruff check .
	ruff format --check .
	basedpyright

setup: $(READY) $(PAGE)

$(READY): requirements/base.txt requirements/test.txt requirements/$(FAISS).txt pyproject.toml
	@echo "Setting up $(VENV): torch $(TORCH), faiss-$(FAISS). This takes a few minutes, once."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip uninstall --quiet --yes faiss-cpu faiss-gpu  # the same module: one of them
	$(BIN)/python -m pip install --quiet torch==$(TORCH)
	$(BIN)/python -m pip install --quiet -r requirements/base.txt -r requirements/test.txt -r requirements/$(FAISS).txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/ready-*
	@touch $@
	@echo "$(VENV) is ready."

$(PAGE): $(READY) src/lm_geometry/figures/page.py
	@echo "Making the offline page of dvc plots."
	@$(BIN)/python -m lm_geometry.figures.page
	@touch $@
