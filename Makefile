.DEFAULT_GOAL := help
VENV := .venv
BENCH_VENV := .venv-bench
AUDIT_VENV := .venv-audit
LOCKS := deploy/locks
SAMPLE := tests/fixtures/sample
RUN := $(VENV)/bin

# Tests start hundreds of processes; without its cache, Python would compile the whole program in each of them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-test paper up live compose-up compose-down test suite faults mutants check fmt pictures bench lock \
	licences sbom audit clean

help: ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# One environment for running and testing: tests add their packages to it, so that no target undoes another's set-up.
setup: ## Install the platform into .venv
	@deploy/setup.sh $(VENV) $(LOCKS)/runtime.txt

setup-test:
	@deploy/setup.sh $(VENV) $(LOCKS)/runtime.txt $(LOCKS)/dev.txt

paper: setup ## Paper-trade the sample market and print what came of it
	@$(RUN)/scalpbot paper --mode OFFLINE \
		--csv $(SAMPLE)/EUR_USD_M5_sample.csv \
		--csv $(SAMPLE)/GBP_USD_M5_sample.csv \
		--csv $(SAMPLE)/USD_JPY_M5_sample.csv \
		--news $(SAMPLE)/calendar_sample.json

up: setup ## Run the whole platform with its API on a made-up market until stopped
	@$(RUN)/scalpbot up

live: setup-test ## Trade live on paper against a simulated OANDA on this machine until stopped
	@$(RUN)/python -m tests.tools.paper_simulated

compose-up: ## Build the image and run the platform in containers
	@deploy/docker/secrets.sh
	@docker compose up --build --detach --wait

compose-down: ## Stop the containers, keeping database and broker
	@docker compose down

# Tests wait for servers now and then; the checks take what they leave of the processors.
test: setup-test ## Check the code and run all tests
	@$(MAKE) --no-print-directory --jobs 2 check suite

suite: setup-test
	@$(RUN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

faults: setup-test ## Play the whole fault matrix with real processes, an hour or so
	@$(RUN)/python -m tests.tools.faults
	@$(RUN)/python -m tests.tools.live_weeks

mutants: setup-test ## Change the product in small ways and count what the tests do not notice, an hour or so
	@$(RUN)/python -m tests.tools.mutants

check: setup-test ## Lint, check types and the import rule
	@$(RUN)/ruff check --quiet .
	@$(RUN)/ruff format --quiet --check .
	@$(RUN)/mypy
	@$(RUN)/lint-imports --no-cache >/dev/null || $(RUN)/lint-imports --no-cache

fmt: setup-test ## Format the code
	@$(RUN)/ruff check --quiet --fix .
	@$(RUN)/ruff format --quiet .

pictures: setup-test ## Draw the pictures of docs/architecture.md anew from the code
	@$(RUN)/python -m tests.tools.pictures

bench: ## Measure speed and memory side by side with peers
	@deploy/setup.sh $(BENCH_VENV) $(LOCKS)/bench.txt
	@$(BENCH_VENV)/bin/python -m tests.benchmarks

lock: setup-test ## Choose new versions of all packages and write the lock files
	@deploy/lock.sh $(RUN)
	@$(MAKE) --no-print-directory licences

licences: setup ## Write the licences of all packages that the platform runs with
	@$(RUN)/python deploy/sbom.py --licences

sbom: setup ## Write the bill of materials of the platform, dist/sbom.cdx.json
	@mkdir -p dist
	@$(RUN)/python deploy/sbom.py dist/sbom.cdx.json
	@echo "sbom: dist/sbom.cdx.json is written" >&2

audit: ## Ask whether a package of the lock files is known to be vulnerable; needs a network
	@deploy/setup.sh $(AUDIT_VENV) $(LOCKS)/audit.txt
	@deploy/audit.sh $(AUDIT_VENV)/bin

clean: ## Remove environments and caches, not data
	@rm -rf $(VENV) $(BENCH_VENV) $(AUDIT_VENV) .venv*.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
