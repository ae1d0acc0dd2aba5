# Everything sets itself up: `make run` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

.PHONY: run test lint bench screenshots clean

run: $(READY)
	$(BIN)/python main.py $(ARGS)

test: $(READY)
	@$(BIN)/python -m tests.system
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Prints ratios against plain torch, peers or a naive version in the same run; nothing here fails on a slow machine.
bench: $(READY)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest tests/bench -o addopts="" -p no:cacheprovider --benchmark-only -s $(ARGS)

screenshots: $(READY)
	$(BIN)/python -m resources.screenshots.make

# Only the dependencies are installed: with Retrograd itself in the environment, a program under the debugger that has a
# module named "engine" or "gui" could get ours.
$(READY): pyproject.toml constraints.txt .ci/requirements.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Retrograd needs Python 3.11 or newer; $$($(PYTHON) --version) was found. Say which: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python .ci/requirements.py > $(VENV)/requirements.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement $(VENV)/requirements.txt
	@touch $(READY)

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .hypothesis .benchmarks
