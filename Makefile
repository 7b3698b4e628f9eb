# Every target runs in .venv, built from constraints.txt; only Python 3.11 or newer has to be there.
# The stamps depend on the files that decide what is installed: nothing is installed twice.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
RUNS ?= 5
MINUTES ?= 10
SEED ?= 0
OPERATIONS ?= 0
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --constraint constraints.txt
PYTHONS := python3.11 python3.12 python3.13 python3
OTHER_PYTHONS := 3.12 3.13
OF_FRAMEWORK := tests/testing tests/unit
PYENV := $(or $(PYENV_ROOT),$(HOME)/.pyenv)
# on servers tests wait more than they work
WAITING := 3
GUARANTEED := --ignore tests/contracts --ignore tests/architecture tests
EMBEDDED := not needs_servers and not needs_docker and not needs_chromium and not needs_amqp_tools and not needs_node and not processes
QUICK := $(EMBEDDED) and not slow

.PHONY: help behaviours proven demo test test-processes test-typescript test-services test-containers test-pythons flake lint format types deep fuzz soak bench docs clean

help:  ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

behaviours: $(VENV)/.installed  ## Run what cites behaviours, here and on the servers that are named, and write the tables of the documents
	$(BIN)/python -m pytest -q -n auto -m "not needs_docker" --jararaca-proofs=build/proofs.json --ignore tests/contracts/test_reference.py tests/contracts
	$(BIN)/python -m jararaca_testing.contracts build/proofs.json --keep tests/contracts/proofs.json \
		--title "Behaviours of brokers and Redis" --root ../../ --page docs/reference/broker-behaviours.md
	$(BIN)/python -m pytest -q -n auto -m "proves and ($(EMBEDDED) or needs_node)" --jararaca-proofs=build/memory.json $(GUARANTEED)
	$(BIN)/python -m pytest -q -n auto -m "proves and (harness or needs_servers or processes)" --jararaca-profile=services \
		--jararaca-proofs=build/servers.json $(GUARANTEED)
	$(BIN)/python -m jararaca_testing.contracts build/memory.json build/servers.json --keep tests/guarantees/proofs.json \
		--behaviours tests/guarantees/rows.toml --root ../ --page docs/guarantees.md

demo: $(VENV)/.installed  ## Run the example on embedded defaults
	$(BIN)/jararaca dev --app-dir examples/tasks tasks.main:app

test: $(VENV)/.installed  ## Run the suite on embedded defaults, with the coverage gate
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto -m "$(QUICK)" --jararaca-proofs=build/proven/embedded.json \
		--ignore tests/architecture tests examples
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-processes: $(VENV)/.installed  ## Run what starts child processes, or takes its time
	$(BIN)/python -m pytest -n auto -m "(processes or slow) and not needs_node" --jararaca-proofs=build/proven/processes.json

test-typescript: $(VENV)/.installed  ## Compile generated TypeScript and run it in Node.js
	$(BIN)/python -m pytest -n auto -m needs_node --jararaca-proofs=build/proven/typescript.json tests examples

test-services: $(VENV)/.installed  ## Run what talks to servers on RabbitMQ, Redis and PostgreSQL
	$(BIN)/python -m pytest -n $(WAITING) --dist worksteal --jararaca-profile=services --jararaca-proofs=build/proven/servers.json \
		-m "(harness or needs_servers or needs_chromium or needs_amqp_tools) and not needs_node"

proven:  ## See that these four showed what the tables of the documents say
	$(BIN)/python -m jararaca_testing.contracts --check build/proven/*.json --keep tests/contracts/proofs.json
	$(BIN)/python -m jararaca_testing.contracts --check build/proven/*.json --keep tests/guarantees/proofs.json \
		--behaviours tests/guarantees/rows.toml

test-containers: $(VENV)/.installed  ## Run the suites of the harness and the examples on containers that they start
	$(BIN)/python -m pytest -n $(WAITING) --jararaca-profile=containers -m "(harness or needs_docker) and not needs_node"

test-pythons:  ## Run the tests of framework and harness on every other Python that is here, those of pyenv among them
	@for version in $(OTHER_PYTHONS); do \
		found=; \
		for python in python$$version $(PYENV)/versions/$$version.*/bin/python; do \
			if [ -z "$$found" ] && "$$python" -c 'import ensurepip, venv' 2>/dev/null; then found=$$python; fi; \
		done; \
		if [ -n "$$found" ]; then \
			$(MAKE) --no-print-directory VENV=.venv-$$version PYTHONS=$$found test-python; \
		else \
			echo "There is no python$$version that works: its tests are left out"; \
		fi; \
	done

.PHONY: test-python
test-python: $(VENV)/.installed
	$(BIN)/python --version
	$(BIN)/python -m pytest -q -n auto -m "$(QUICK)" $(OF_FRAMEWORK)

flake: $(VENV)/.installed  ## Run the suite on embedded defaults RUNS times, in random order under changing seeds
	$(BIN)/python tests/flake/run.py --runs $(RUNS) -- -m "$(QUICK)" --ignore tests/architecture tests examples

lint: $(VENV)/.installed  ## Check style, formatting, the direction of imports and the rules of the house
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -n auto tests/architecture

format: $(VENV)/.installed  ## Rewrite the code in the house's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/.installed-bench $(VENV)/.installed-docs  ## Check types strictly
	$(BIN)/mypy --strict

deep: $(VENV)/.installed  ## Try far more generated examples than `make test` does
	HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -n auto --timeout=900 -m "hypothesis and not needs_node"

fuzz: $(VENV)/.installed  ## Compare the in-memory broker with RabbitMQ for MINUTES, from SEED on, or for OPERATIONS
	$(BIN)/python -m jararaca_testing.differential --minutes $(MINUTES) --seed $(SEED) --operations $(OPERATIONS)

soak: $(VENV)/.installed  ## Kill every part of a running system for MINUTES, and count what was lost or doubled
	$(BIN)/python tests/soak/soak.py --minutes $(MINUTES)

bench: $(VENV)/.installed-bench  ## Measure against the bounds of tests/bench/bounds.toml
	$(BIN)/python tests/bench/run.py

docs: $(VENV)/.installed-docs  ## Run the code blocks of the documents and build the pages into build/docs
	$(BIN)/python -m pytest -n auto docs README.md CHANGELOG.md CONTRIBUTING.md
	$(BIN)/mkdocs build --strict --site-dir build/docs

clean:  ## Remove the environment and everything that was generated
	rm -rf $(VENV) $(VENV)-* build .coverage* .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@for python in $(PYTHONS); do \
		if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making $(VENV) with $$("$$python" --version)"; exec "$$python" -m venv $(VENV); \
		fi; \
	done; \
	echo 'Python 3.11 or newer with its venv module is needed, and none of these is one:' \
		'$(PYTHONS). Install it (on Debian: apt install python3 python3-venv) and run make again.' >&2; exit 1

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV)"
	@$(INSTALL) --upgrade pip
	@$(INSTALL) --build-constraint constraints.txt --group dev --editable '.[all]'
	@touch $@

$(VENV)/.installed-bench $(VENV)/.installed-docs: $(VENV)/.installed-%: $(VENV)/.installed
	@$(INSTALL) --group $*
	@touch $@
