# Nothing but python3 and pip is needed: every target makes the environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
READY := $(VENV)/ready

.PHONY: help demo view test test-slow lint format docs benchmark results study detector clean

help:
	@echo "make demo       the paper's study on a simulated cohort, and a detection in one of its patients"
	@echo "make view       look at the lesions of that detection in a browser"
	@echo "make test       the test suite"
	@echo "make test-slow  the tests that take minutes"
	@echo "make lint       formatting, linting, types"
	@echo "make format     mend what a machine can mend of these"
	@echo "make docs       the documentation as a site: site/index.html"
	@echo "make benchmark  speed and memory, beside a plain DataLoader loop, MONAI, and nnU-Net's size"
	@echo "make results    the figures of docs/results.md (REAL=folder of the Tabriz scans)"
	@echo "make study      docs/study.md: what each choice of the paper brings (REAL=folder of the datasets)"
	@echo "make detector   train the shipped detectors and measure them (REAL=folder of the datasets)"
	@echo "make clean      remove the environment and all that was made"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt torch
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

DEMO_PERSON := sub-sim012
demo: $(READY)
	$(BIN)/mslesion reproduce --data simulated --output demo
	$(BIN)/mslesion detect demo/cohort/$(DEMO_PERSON)/anat/$(DEMO_PERSON)_FLAIR.nii.gz \
	  --output demo/detection
	@echo
	@echo "made: demo/report.html, and demo/detection/$(DEMO_PERSON)_report.html"
	@echo "look at the lesions in a browser:  make view"

view: $(READY)
	@test -e demo/detection/$(DEMO_PERSON)_summary.json || $(MAKE) demo
	@$(BIN)/mslesion view demo/detection --scans demo/cohort

test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto

test-slow: $(READY)
	$(BIN)/python -m pytest --numprocesses auto -m slow

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile
	$(BIN)/python tools/check_numbers.py
	@if $(PIP) install pip-audit; then $(BIN)/python tools/audit_dependencies.py; \
	else echo "dependencies not audited: pip-audit cannot be installed"; fi

format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: $(READY)
	$(BIN)/python tools/build_site.py

results: $(READY)
	@test -d "$(REAL)" || { echo "make results REAL=folder-of-the-Tabriz-scans"; exit 2; }
	$(BIN)/mslesion reproduce --data simulated --folds 5 --output out/simulated-5-folds
	$(BIN)/mslesion reproduce --data simulated --output out/simulated
	$(BIN)/mslesion reproduce --data "$(REAL)" --label lesion --folds 5 --output out/tabriz
	$(BIN)/mslesion explain out/simulated/models/lesion_patient-split_cnn_fold-0 \
	  --data out/simulated/cohort --output out/explained
	cp out/explained/explanation_checks.json docs/results/explanation.json
	cp out/explained/explanations.png docs/images/explanations.png
	$(BIN)/python tools/write_results.py \
	  simulated-5-folds=out/simulated-5-folds=out/simulated-5-folds/cohort \
	  simulated=out/simulated=out/simulated/cohort \
	  tabriz=out/tabriz="$(REAL)"

# docs/study.md from scans to page, about 75 minutes on two cores, from a folder that holds the
# datasets tabriz and ljubljana-mni. Interrupted, the same command goes on.
study: $(READY)
	@test -d "$(REAL)/tabriz" || { echo "make study REAL=folder-of-the-datasets"; exit 2; }
	$(BIN)/mslesion study --data "$(REAL)" \
	  --detector-results docs/results/detector-default.json --output out/study
	rm -rf docs/results/study
	cp -r out/study/results/study docs/results/study
	$(BIN)/mslesion study --page-only --output docs

# The shipped detectors and every figure of docs/results.md about them, from a folder that holds the
# datasets tabriz, ljubljana-mni and lesion-free. Interrupted, the same command goes on.
DETECTOR := $(BIN)/mslesion train-detector --device cpu --cache out/detector/simulated
EVALUATE := $(BIN)/mslesion evaluate-detector
# Exit code 3: measured, but for scans that were refused; the tables tell of these.
BUT_REFUSED := || [ $$? -eq 3 ]
detector: $(READY)
	@test -d "$(REAL)/tabriz" || { echo "make detector REAL=folder-of-the-datasets"; exit 2; }
	for lengths in "default 3000 8000" "small 1500 4000"; do \
	  set -e -- $$lengths; model=$$1; out=out/detector/$$1; \
	  $(DETECTOR) --model $$model --data "$(REAL)/tabriz" --data "$(REAL)/ljubljana-mni" \
	    --lesion-free "$(REAL)/lesion-free" --output $$out/everything; \
	  $(DETECTOR) --model $$model --data "$(REAL)/tabriz" --folds 2 \
	    --fold-steps $$2 --steps $$3 --verdict-people 0 --output $$out/tabriz; \
	  $(DETECTOR) --model $$model --data "$(REAL)/ljubljana-mni" --folds 2 \
	    --fold-steps $$2 --steps $$3 --verdict-people 0 --output $$out/ljubljana; \
	  $(EVALUATE) "$(REAL)/ljubljana-mni" --model-path $$out/tabriz/model.safetensors \
	    --output $$out/tabriz-on-ljubljana $(BUT_REFUSED); \
	  $(EVALUATE) "$(REAL)/tabriz" --model-path $$out/ljubljana/model.safetensors \
	    --output $$out/ljubljana-on-tabriz $(BUT_REFUSED); \
	done
	$(BIN)/mslesion train --data "$(REAL)/tabriz" --label lesion --output out/detector/paper_cnn
	$(BIN)/python tools/write_detector_results.py out/detector

benchmark: $(READY)
	$(BIN)/python benchmarks/training.py --json docs/results/training-speed.json
	$(BIN)/python benchmarks/detection.py --json docs/results/detection-speed.json
	$(BIN)/python benchmarks/evaluation.py --json docs/results/evaluation-speed.json

clean:
	rm -rf $(VENV) demo out site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
