# Nothing but python3 and pip is needed: every target makes the environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
READY := $(VENV)/ready

.PHONY: help demo test lint format benchmark results clean

help:
	@echo "make demo       the paper's study on a simulated cohort, and a detection in one of its patients"
	@echo "make test       the test suite"
	@echo "make lint       formatting, linting, types"
	@echo "make benchmark  speed and memory beside a plain DataLoader loop, MONAI, and nnU-Net's size"
	@echo "make results    the figures of docs/results.md (REAL=folder of the Tabriz scans)"
	@echo "make clean      remove the environment and all that was made"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt torch
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/mslesion reproduce --data simulated --output demo
	$(BIN)/mslesion detect demo/cohort/sub-sim012/anat/sub-sim012_FLAIR.nii.gz --output demo/detection
	@echo "open demo/report.html and demo/detection/sub-sim012_report.html in a browser"

test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

results: $(READY)
	@test -d "$(REAL)" || { echo "make results REAL=folder-of-the-Tabriz-scans"; exit 2; }
	$(BIN)/mslesion reproduce --data simulated --folds 5 --output out/simulated-5-folds
	$(BIN)/mslesion reproduce --data simulated --output out/simulated
	$(BIN)/mslesion reproduce --data "$(REAL)" --label lesion --folds 5 --output out/tabriz
	$(BIN)/python tools/write_results.py \
	  simulated-5-folds=out/simulated-5-folds=out/simulated-5-folds/cohort \
	  simulated=out/simulated=out/simulated/cohort \
	  tabriz=out/tabriz="$(REAL)"

benchmark: $(READY)
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/detection.py

clean:
	rm -rf $(VENV) demo out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
