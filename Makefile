# The commands a user and CI call. `make` alone lists them.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11
STAMP := $(VENV)/.installed
AIRFLOW := .venv-airflow
AIRFLOW_STAMP := $(AIRFLOW)/.installed
HADOOP := .hadoop/jars

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-browser cluster-test chaos hdfs-setup hdfs-test package lint model bench coverage-study airflow-setup airflow-test airflow-demo clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything pinned (nothing to do the second time)

NATIVE := moderation/inference/native/build.py $(wildcard moderation/inference/native/*.cpp moderation/inference/native/*.h)
$(STAMP): pyproject.toml constraints.txt hatch_build.py $(NATIVE) .ci/check-prerequisites
	@PYTHON=$(PYTHON) bash .ci/check-prerequisites
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages into $(VENV) (about two minutes the first time) ..."
	@# torch first and exactly: any looser request would fetch the multi-gigabyte CUDA build.
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,int8,delta,hdfs,privacy,audit,review,bench,dev]'
	@touch $@

demo: setup ## score the bundled sample dump, validate, publish, show what was flagged
	@$(BIN)/moderation demo

AT_ONCE ?= 2
test: setup ## the tests, but for the slow ones (AT_ONCE files of them side by side)
	$(BIN)/pytest -n $(AT_ONCE) --dist loadfile -m "not slow and not cluster and not chaos and not hdfs"

test-slow: setup ## the slow tests: every command of the README, benchmarks, the wheel
	$(BIN)/pytest -m "slow and not cluster and not chaos and not browser and not hdfs"

test-browser: setup ## the pages in Debian's chromium: whole reviews, kills, phones, accessibility (PICTURES=1 writes those of docs/)
	PICTURES=$(PICTURES) $(BIN)/pytest -m browser tests/audit tests/review

cluster-test: setup ## jobs on a Spark cluster of real processes on this machine, workers killed in the middle
	$(BIN)/pytest -m cluster tests/cluster

KILLS ?= 25
chaos: setup ## runs killed with -9 at random moments and resumed, KILLS times (100 by hand)
	KILLS=$(KILLS) $(BIN)/pytest -s -m chaos tests/chaos

hdfs-setup: $(HADOOP) ## Hadoop's jars in .hadoop/, for the tests on HDFS (a download of 220 MB)

$(HADOOP): tools/fetch_hadoop.py | setup
	$(BIN)/python tools/fetch_hadoop.py .hadoop
	@touch $@

hdfs-test: setup hdfs-setup ## copies to a real HDFS, killed at every step, with readers at work
	$(BIN)/pytest -m hdfs tests/hdfs

EXTRAS ?=
package: setup ## what spark-submit needs, in dist/: wheel, jobs, settings, packed Python (EXTRAS=int8,delta adds extras)
	rm -rf dist
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	cp -r jobs conf dist/
	$(BIN)/python tools/pack_environment.py --output dist/environment.tar.gz "$$(ls dist/*.whl)$(if $(EXTRAS),[$(EXTRAS)])"

airflow-setup: $(AIRFLOW_STAMP) ## make .venv-airflow, an environment of its own for Airflow (docs/airflow.md)

$(AIRFLOW_STAMP): airflow/constraints.txt airflow/requirements.txt
	$(PYTHON) -m venv $(AIRFLOW)
	@echo "Installing Airflow into $(AIRFLOW) (about a minute) ..."
	$(AIRFLOW)/bin/pip install --quiet --disable-pip-version-check -c airflow/constraints.txt -r airflow/requirements.txt
	@touch $@

airflow-test: setup airflow-setup ## the DAGs in a real Airflow: structure, good and refused days, backfill, Asset
	$(AIRFLOW)/bin/python -m pytest -c airflow/pytest.ini --rootdir tests/airflow --confcutdir tests/airflow tests/airflow $(AIRFLOW_OPTIONS)

airflow-demo: setup airflow-setup ## a real Airflow moderates one day of the sample dump; Ctrl-C stops it
	@$(AIRFLOW)/bin/python airflow/demo.py

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

DATA ?= ../shared/data
model: setup ## fine-tune the built-in model anew (DATA=folder of the recipe's files; an hour on two cores)
	$(BIN)/moderation finetune --data $(DATA) --output moderation/models/builtin --overwrite

bench: setup ## our engine beside its peers, and the Spark job beside the engine (one round took ten minutes)
	$(BIN)/moderation bench

coverage-study: setup ## how often the audit's 95% intervals hold the truth: 1,000 populations a setting, the table of docs/coverage.md
	$(BIN)/python benchmarks/coverage_study.py --write docs/coverage.md

clean: ## remove the environment and the demo's output
	rm -rf $(VENV) $(AIRFLOW) demo build dist *.egg-info
