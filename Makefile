# make demo, make test: each sets up .venv when it must, and only then.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install -c constraints.txt
TORCH := torch==2.13.0
# Two workers, one thread each: as many as the smallest machine has cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal
CODE := src tests examples benchmarks docs

.PHONY: demo test test-all lint check format-check types docs clean

demo: $(VENV)/demo.stamp ## convert LPRNet end to end and show the verification
	$(BIN)/python -m examples.lprnet

test: $(VENV)/dev.stamp ## the fast tests
	$(PYTEST) -m "not slow"

test-all: $(VENV)/dev.stamp ## the slow tests too
	$(PYTEST)

lint: check format-check types ## what CI asks of the code

check: $(VENV)/dev.stamp
	$(BIN)/ruff check $(CODE)

format-check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check $(CODE)

types: $(VENV)/dev.stamp
	$(BIN)/mypy

docs: $(VENV)/docs.stamp ## the documentation as a site, in site/
	$(BIN)/python -m docs.generate_operators
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) out site

# PyTorch comes first: left to a dependency, pip would choose a build of its own.
$(VENV)/demo.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)
	$(PIP) -e '.[torch]'
	touch $@

$(VENV)/dev.stamp: $(VENV)/demo.stamp
	$(PIP) -e '.[dev]'
	touch $@

$(VENV)/docs.stamp: $(VENV)/demo.stamp
	$(PIP) -e '.[docs]'
	touch $@
