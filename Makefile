# InsightFlow: the same commands in the README, in CI and on a laptop.
# A bare machine needs make and Python 3.11 to 3.13 with venv and pip; everything else is installed below .venv.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# Caches go beside the environment where HOME is missing or cannot be written.
CACHE := $(shell test -n "$$HOME" -a -w "$$HOME" || echo "$(CURDIR)/.venv/.cache")
ifneq ($(CACHE),)
export UV_CACHE_DIR := $(CACHE)/uv
export PIP_CACHE_DIR := $(CACHE)/pip
export XDG_CACHE_HOME := $(CACHE)
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# uv brings its own certificates; a machine behind a company's proxy has the right ones in the system's store.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= 1
endif

STAMP := $(VENV)/.installed
STAMP_DEV := $(VENV)/.installed-dev
INSIGHTFLOW := $(BIN)/python -m include.cli

.DEFAULT_GOAL := help
.PHONY: help demo test test-quick up down clean lint bench docs freshness slim screenshots lock

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "InsightFlow needs Python 3.11, 3.12 or 3.13 (dbt does not run on 3.14 yet); install one, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { echo "python has no venv module; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet uv

$(STAMP): requirements.txt | $(BIN)/uv
	@echo "installing the pinned packages of requirements.txt"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	@touch $@

$(STAMP_DEV): requirements-dev.txt $(STAMP)
	@echo "installing the pinned packages of requirements-dev.txt"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt
	@touch $@

demo: $(STAMP) ## bare machine to insights: start everything, load sample files, run the daily DAG, print insights
	@$(INSIGHTFLOW) demo

up: $(STAMP) ## start the services
	@$(INSIGHTFLOW) up

down: ## wait for running tasks, then stop every process of this installation
	@test ! -x $(BIN)/python || $(INSIGHTFLOW) down

clean: ## stop the services and remove var/ with all data (asks; YES=1 does not)
	@if [ "$(YES)" != "1" ]; then \
		printf 'Remove all data of this installation? [y/N] '; read answer; [ "$$answer" = y ] || { echo "kept"; exit 1; }; fi
	@test ! -x $(BIN)/python || $(INSIGHTFLOW) down --now
	@if [ -x $(BIN)/python ]; then $(INSIGHTFLOW) purge --yes; else rm -rf var; fi

lint: $(STAMP_DEV) ## ruff, mypy, sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@test ! -d dbt_project/models || $(BIN)/sqlfluff lint --processes 2 dbt_project/models

# Tests of the dashboard drive Debian's Chromium. Where it cannot be installed they are skipped, and say so.
.PHONY: chromium
chromium:
	@if command -v chromium >/dev/null || test -x "$$INSIGHTFLOW_TEST_CHROMIUM"; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing chromium, for the tests of the dashboard"; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null 2>&1 || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } || echo "chromium could not be installed"; \
	else echo "the tests of the dashboard need Chromium: apt-get install chromium, or name another in INSIGHTFLOW_TEST_CHROMIUM"; fi

# Tests wait more than they compute: two processes take little more than half the time of one, on two cores already.
# In the order of the suite: by number of tests the few long ones would come last, on one process.
TEST_PROCESSES ?= 2
PARALLEL = -n $(TEST_PROCESSES) --no-loadscope-reorder

test: lint chromium ## lint, then the whole suite, quick tests first
	@$(BIN)/pytest -q $(PARALLEL) -m "not integration and not e2e"
	@$(BIN)/pytest -q $(PARALLEL) -m "integration and not e2e"
	@$(BIN)/pytest -q -m e2e || [ $$? -eq 5 ]

test-quick: $(STAMP_DEV) ## only the tests that start no engine
	@$(BIN)/pytest -q $(PARALLEL) -m "not integration and not e2e"

bench: $(STAMP_DEV) ## measure the pipeline and its peers
	@$(BIN)/python benchmarks/run.py

docs: $(STAMP) ## docs/sources.md from the specs, docs/data-dictionary.md from the models; with the warehouse up, dbt's pages
	@$(BIN)/python -m include.landing.document
	@$(BIN)/python -m include.transform.dictionary
	@$(INSIGHTFLOW) docs || echo "dbt's own pages want the warehouse: make up, then make docs"

freshness: $(STAMP) ## how long ago files were loaded, by dbt; fails when that is longer than the project allows
	@$(INSIGHTFLOW) freshness

slim: $(STAMP_DEV) ## build and test only the models that differ from BASE (default origin/main), beside tables of BASE
	@$(BIN)/python -m tests.support.slim --base "$(or $(BASE),origin/main)"

screenshots: $(STAMP_DEV) chromium ## take docs/screenshots again from the running demo
	@$(BIN)/python -m tests.support.screenshots

lock: $(BIN)/uv ## compile requirements*.in to the pinned requirements*.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 requirements-cosmos.in -o requirements-cosmos.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 requirements-bench.in -o requirements-bench.txt
