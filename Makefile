# Targets: demo test lint bench docs site setup. Needs Python 3.11+ and make; each target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test lint typing bench docs site clean

help:
	@echo "make demo   a sparse-vs-dense comparison on an embedded collection; prints where its report is"
	@echo "make test   the tests"
	@echo "make lint   ruff and mypy --strict"
	@echo "make bench  the benchmarks of benchmarks/ (long; pinned to one core)"
	@echo "make docs   the tables of the README and of docs/, from benchmarks/results/, and the site"
	@echo "make site   the documentation as a site, in out/site"
	@echo "make setup  the environment in $(VENV), which every target makes if it is missing"

setup: $(READY)

# torch goes first: a later resolver run would otherwise take a larger build of it.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rarefy needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": set PYTHON=")'
	@echo "making the environment in $(VENV): some minutes, about 4 GB, once"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable '.[all,dev]'
	touch $(READY)

demo: $(READY)
	$(BIN)/rarefy bench pydocs --out out/demo

# A process a core; each leaves the other cores alone.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

# setuptools' editable install is a finder hook that type checkers do not follow: links stand in.
typing:
	mkdir -p .typing/rarefy
	ln -sfn ../../sparse ../../index ../../eval ../../serve .typing/rarefy/
	for name in rarefy/*; do ln -sfn ../../$$name .typing/$$name; done

lint: $(READY) typing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable '.[all,bench,dev]'
	$(BIN)/python benchmarks/exact.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/encoding.py

docs: $(READY)
	$(BIN)/python benchmarks/tables.py README.md docs/*.md
	$(MAKE) site

# Every warning, such as of a link that leads nowhere, is an error.
site: $(READY) typing
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "to read it, with its search: $(BIN)/python -m http.server --directory out/site"

clean:
	rm -rf out build dist .typing *.egg-info
