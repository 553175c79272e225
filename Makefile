# make quick   set up the environment if need be, then the six stages on less of everything: two minutes
# make repro   the whole study: dvc repro
# make test    the tests
# make check   linting, formatting, types, import contracts, the drawing of the rooms, pages' numbers
# make pull    results from the remote, verified     make remote URL=...  another remote, here alone
# make publish DIR=...  results as a static tree for any web server, with a reader of its own
# make audit   the cache and the remote, checked against dvc.lock, and mended
# make supply-chain  known flaws of pinned packages and of the workflow, where there is a network
# make drift   whether dvc.lock belongs to params.yaml and the code; needs no data
# make campaign  kills, faults, attacks, hostile files and clouds: an hour, and docs/reliability.md
# make first-day  the README's lines typed in a clean clone, each result looked at: half an hour
# make mutants   the tests tried: changes of the code that they must notice
# make architectures  a small model of every architecture of transformers, and docs/architectures.md
# make site     the pages and the library's docstrings as a site
# make benchmark  speed against the published ways, written to benchmarks/RESULTS.md
# make verify  the tests beside DADApy, in .venv-dadapy, and how far our numbers are from its
#
# make pins    requirements/ after pyproject.toml changed     UPGRADE=all or UPGRADE=ruff,dvc  newer
#
# TORCH=2.9.1  another torch (default: torch.txt's)    FAISS=gpu  faiss-gpu instead of faiss-cpu
# PYTHON=...   the interpreter that makes the environment (3.11 or newer; verify: 3.11 or 3.12)
# UV=0         set up with pip alone

PYTHON ?= python3
PINNED_TORCH := $(shell sed -n 's/^torch==//p' requirements/torch.txt)
TORCH ?= $(PINNED_TORCH)
FAISS ?= cpu
UV ?= 1
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready-torch$(TORCH)-faiss-$(FAISS)
PINS := $(patsubst %,requirements/%.txt,torch uv base test ssh s3 slurm tags $(FAISS))
PAGE := .dvc/plots/page_offline.html
SITE := $(or $(XDG_CACHE_HOME),$(if $(HOME),$(HOME)/.cache,$(CURDIR)/.scratch))/lm-geometry/dvc
OWN_SITE := $(VENV)/dvc-in-a-private-folder
WARM := $(VENV)/loops-are-compiled
DADAPY := .venv-dadapy
DADAPY_READY := $(DADAPY)/ready-torch$(TORCH)

# Another torch brings what it needs, and the pins that follow make of that what they can.
TORCH_PINS := $(if $(filter $(PINNED_TORCH),$(TORCH)),-r requirements/torch.txt,torch==$(TORCH))
INSTALL := requirements/install.py $(if $(filter 0,$(UV)),--pip)
COSTS := a CPU build of torch: 650 MB to fetch, 2.3 GB on disk, 1 to 4 minutes; of CUDA: some 3 GB, 8 GB, 10 minutes

# DVC ends by sending users to a remote that they did not choose.
NOT_PUSHED := grep --line-buffered -vF 'Use `dvc push`'

# Two processes; a file's tests share what its first one made, so that they stay together.
PYTEST := pytest -n 2 --dist loadfile --no-loadscope-reorder

# libgomp's idle threads would spin, which makes two threads slower than one on a busy machine.
export OMP_WAIT_POLICY ?= PASSIVE
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: repro quick pull publish remote audit drift test test-slow first-day architectures check site supply-chain campaign mutants benchmark verify setup pins help
.DEFAULT_GOAL := help

help:  ## what there is
	@sed -n '1,22s/^# \{0,1\}//p' Makefile

repro: setup  ## the whole study
	@test "$$LM_GEOMETRY_COSTS" = never || lm-geometry costs || true  # the run itself ends at what is wrong
	@echo 'dvc repro'; { status=$$( { { PYTHONUNBUFFERED=1 dvc --wait-for-lock repro; echo $$? >&3; } | $(NOT_PUSHED) >&4; } 3>&1 ); } 4>&1; \
		test $$status = 0 || { lm-geometry drift 2>&1 | grep -F 'was cut by a kill' >&2; exit $$status; }
	@lm-geometry audit --quick --no-remote data plots  # on a full disk `dvc repro` can leave outs unsaved
	@lm-geometry result

quick: setup  ## layers x dimension before and after a short training, in a copy
	@lm-geometry run quick --from examples/quick.yaml --replace

pull: setup  ## results from the remote
	lm-geometry pull

publish: setup  ## results as a static tree
	@test -n "$(DIR)" || { echo "make publish DIR=/a/folder" >&2; exit 2; }
	dvc remote add --local --force published "$(abspath $(DIR))"
	lm-geometry push --remote published
	cp dvc.lock dvc.yaml tools/read_results.py "$(DIR)"

audit: setup  ## every object of cache and remote, read and mended
	lm-geometry audit --repair

remote: setup  ## another remote, in .dvc/config.local: not in git
	@test -n "$(URL)" || { echo "make remote URL=/folder, ssh://host/path, s3://bucket/path, gs:// or azure://" >&2; exit 2; }
	@needed=requirements/$(firstword $(subst ://, ,$(URL))).txt; test ! -f $$needed || $(BIN)/python $(INSTALL) $$needed
	dvc remote add --local --force --default chosen "$(URL)"
	dvc remote modify --local chosen verify true

drift: setup  ## whether dvc.lock belongs to params.yaml and the code
	@lm-geometry drift

test: setup  ## the default test suite
	$(PYTEST)

test-slow: setup  ## heavier tests as well
	pytest -m "not architectures and not first_day"

first-day: setup  ## the README's lines, typed in their order in a clean clone: half an hour
	LM_GEOMETRY_TRANSCRIPT=.scratch/first_day.log pytest -m first_day tests/first_day

campaign: setup  ## kills, faults, attacks, parameter files, clouds; SHARE=0.1 of them  ONLY=kills  RESUME=1
	python -m tests.campaign --write $(if $(SHARE),--share $(SHARE)) $(if $(ONLY),--only $(ONLY)) $(if $(RESUME),--resume)

mutants: setup  ## changes of the code that tests must notice; ONLY=dimension
	@$(BIN)/python -c 'import cosmic_ray' 2>/dev/null || $(BIN)/python $(INSTALL) requirements/mutants.txt
	python -m tests.mutants $(if $(ONLY),--only $(ONLY))

architectures: setup  ## a small model of every architecture of transformers, and their table
	pytest -n 2 -m architectures tests/architectures

check: setup  ## linting, formatting, types, imports, the drawing, pages' numbers
	ruff check .
	ruff format --check .
	basedpyright
	lint-imports --no-cache
	python docs/draw_architecture.py --check
	python docs/write_sentences.py --check

site: setup  ## docs/ and docstrings as a site that needs no network, in .scratch/site/html
	@$(BIN)/python -c 'import mkdocstrings, material' 2>/dev/null || $(BIN)/python $(INSTALL) requirements/site.txt
	python docs/site_pages.py
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet
	@echo '.scratch/site/html/index.html'

supply-chain:  ## known flaws of pinned packages and of the workflow
	bash .ci/supply-chain

pins: setup  ## requirements/ of what pyproject.toml needs, with hashes
	@$(BIN)/python -m uv --version || $(BIN)/python -m pip install --require-hashes -r requirements/uv.txt
	$(BIN)/python requirements/renew.py --upgrade "$(UPGRADE)"

benchmark: setup  ## speed against the published ways
	python benchmarks/report.py

verify: export PATH := $(CURDIR)/$(DADAPY)/bin:$(PATH)
verify: $(DADAPY_READY)  ## everything again where DADApy is installed, and a comparison with it
	python -m pip check
	$(PYTEST)
	python benchmarks/against_dadapy.py

setup: $(READY) $(PAGE) $(OWN_SITE) $(WARM)

# Half a minute of compilers, which nobody has to wait for in front of a first result. Bytecode is kept
# even where the variable forbids it, as in containers: every stage would compile its libraries, 13 s.
$(WARM): $(READY)
	@echo "Compiling what a first result needs, which is kept."
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m lm_geometry.experiments.first_calls
	@touch $@

# DVC's cache of hashes is a pickle, and its default a folder that every user of the machine may write.
$(OWN_SITE): $(READY)
	@mkdir -p "$(SITE)" && chmod 700 "$(SITE)" && test -O "$(SITE)" || \
	  { echo "$(SITE) is not yours: XDG_CACHE_HOME=/a/folder/of/yours make setup" >&2; exit 1; }
	dvc config --local core.site_cache_dir "$(SITE)"
	@touch $@

$(READY): $(PINS) pyproject.toml
	@echo "Setting up $(VENV), once: torch $(TORCH), faiss-$(FAISS)."
	@echo "It takes, with $(COSTS)."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip uninstall -qq --yes faiss-cpu faiss-gpu  # the same module: one of them
	$(BIN)/python -m pip install --no-compile $(TORCH_PINS)
	$(BIN)/python $(INSTALL) $(patsubst %,requirements/%.txt,base test $(FAISS))
	@test $(FAISS) != gpu || $(BIN)/python -m pip install faiss-gpu  # its CUDA libraries, where torch brought none
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/ready-*
	@touch $@
	@echo "$(VENV) is ready."

$(DADAPY_READY): $(patsubst %,requirements/%.txt,torch uv dadapy) pyproject.toml
	@echo "Setting up $(DADAPY), once: DADApy beside torch $(TORCH)."
	@echo "It takes, with $(COSTS)."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)) and "DADApy needs Python 3.11 or 3.12: make verify PYTHON=python3.12")'
	@command -v cc >/dev/null || { echo "DADApy is compiled when it is installed: a C compiler, cc, is needed." >&2; exit 1; }
	test -x $(DADAPY)/bin/python || $(PYTHON) -m venv $(DADAPY)
	$(DADAPY)/bin/python -m pip install --no-compile $(TORCH_PINS)
	$(DADAPY)/bin/python $(INSTALL) requirements/dadapy.txt
	$(DADAPY)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@env -u PYTHONDONTWRITEBYTECODE $(DADAPY)/bin/python -m lm_geometry.experiments.first_calls
	@rm -f $(DADAPY)/ready-*
	@touch $@
	@echo "$(DADAPY) is ready."

$(PAGE): $(READY) src/lm_geometry/plot_pages/page.py
	@echo "Making the offline page of dvc plots."
	@$(BIN)/python -m lm_geometry.plot_pages.page
	@dvc config --local plots.html_template plots/page_offline.html  # elsewhere DVC's own, from a network
	@touch $@
