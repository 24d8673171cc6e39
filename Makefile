# Every target sets up what it needs: `make demo` and `make test` work in a fresh checkout.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
VYPER_SOURCES := $(shell find src/sheaf/contracts -name '*.vy' -o -name '*.vyi')
JOBS ?= 2
STEPS ?= 26000

.PHONY: help setup setup-node setup-torch demo demo-private test check fix fuzz prove kills gas bench docs up clean contracts reference
.PHONY: check-format check-lint check-types check-floors check-contracts check-vyper check-reference check-house check-snapshots

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 14

.venv/.synced: pyproject.toml uv.lock tools/setup.sh
	@tools/setup.sh sync

.venv/.torch: .venv/.synced
	@tools/setup.sh torch

node_modules/.installed: .venv/.synced package.json package-lock.json
	@tools/setup.sh node

setup: .venv/.synced ## create .venv from the lock
setup-node: node_modules/.installed ## add anvil, the persistent local network
setup-torch: .venv/.torch ## add PyTorch where its small CPU build is offered

demo: .venv/.synced ## run the market once, from escrow to bundle, in this process
	@$(BIN)/sheaf demo

demo-private: .venv/.torch ## sell answers over data that do not move, train among owners, and try to carry the data out
	@$(BIN)/sheaf demo-private

up: node_modules/.installed ## keep a local market running
	@$(BIN)/sheaf up

test: node_modules/.installed .venv/.torch ## run all tests but the long ones
	$(PYTEST) -n $(JOBS) --dist worksteal -q -m "not night"

check: .venv/.torch ## the gate: format, lint, types, floors, house rules, generated files
	@$(MAKE) --no-print-directory -j$(JOBS) --output-sync=target check-format check-lint check-types check-floors \
		check-vyper check-contracts check-reference check-house
	@echo "check: all holds"

check-format:
	@$(BIN)/ruff format --check --quiet . || { echo "ruff format: run \`make fix\`"; exit 1; }

check-lint:
	@$(BIN)/ruff check --quiet .

check-types:
	@$(BIN)/mypy --no-error-summary

check-floors:
	@$(BIN)/lint-imports --no-cache > .venv/.floors 2>&1 || { cat .venv/.floors; exit 1; }

check-vyper:
	@$(BIN)/mamushi --check --quiet -l 110 src/sheaf/contracts || { echo "mamushi: run \`make fix\`"; exit 1; }

check-contracts:
	@$(BIN)/python -m tools.contracts check

check-reference: check-contracts
	@$(BIN)/python -m tools.reference check

check-house:
	@$(PYTEST) -q -p no:cacheprovider --no-header tests/test_house.py > .venv/.house 2>&1 || { cat .venv/.house; exit 1; }

fix: .venv/.synced ## format and mend what can be mended by machine
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .
	@$(BIN)/mamushi --quiet -l 110 src/sheaf/contracts

contracts: .venv/.synced ## compile the contracts to their artifacts and write their sizes
	@$(BIN)/python -m tools.contracts compile

reference: contracts ## write docs/reference from the code
	@$(BIN)/python -m tools.reference write

fuzz: .venv/.synced ## STEPS random steps of each state machine against its twin: over 100,000 in all
	SHEAF_FUZZ_STEPS=$(STEPS) $(PYTEST) -n $(JOBS) --dist worksteal -q --timeout 0 tests/stateful

prove: .venv/.synced ## symbolic proofs with halmos, and other long suites
	$(PYTEST) -q --timeout 0 -m night --ignore tests/night tests

kills: .venv/.synced ## kill a market, a provider and trainers hundreds of times: nothing is lost, paid or spent twice
	$(PYTEST) -q -s tests/night

gas: .venv/.synced ## measure gas and write snapshots/gas.json
	@$(BIN)/python -m tools.measure gas

bench: .venv/.torch ## run every benchmark and write docs/benchmarks.md
	@$(BIN)/python -m tools.measure all

# Zensical pins a Markdown that the contracts' tools do not take, so it runs in an environment of its own.
docs: .venv/.synced ## build the documentation under site/, with no network once Zensical is there
	@$(BIN)/python -m tools.reference check
	@.tools/bin/uv tool run --quiet --python $(BIN)/python zensical@0.0.73 build --clean

clean: ## remove what was built; the checkout is as it was cloned
	rm -rf .venv .tools node_modules site .cache .sheaf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
