# One command each: `make help` lists them. Everything runs in .venv, which is made from the hash locks.
PYTHON ?= python3
UV ?= uv
VENV := .venv
RUN := $(VENV)/bin/python
WHO = $(if $(filter command,$(firstword $(origin USER))),$(USER),demo)
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links

# A .venv whose interpreter or pip no longer runs is made anew.
BROKEN := $(if $(wildcard $(VENV)),$(shell $(RUN) -c 'import pip' 2>/dev/null || echo rebuild))

.DEFAULT_GOAL := help
.PHONY: help demo up token doctor test test-long check bench chaos lock format clean rebuild

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.local-installed ## Play a spoken interview through the whole stack; AUDIO=own.wav transcribes your own recording
	@$(RUN) -m scripts.demo $(if $(AUDIO),--audio "$(AUDIO)")

up: $(VENV)/.local-installed ## Run MongoDB, Valkey, worker, beat and API until Ctrl-C; PORT=8000 STATE_DIR=.local
	@$(RUN) -m scripts.stack.up --with-parent

token: $(VENV)/.local-installed ## Print a bearer token for the running stack; USER=demo ROLE=user
	@$(RUN) -m scripts.mint_token --user "$(WHO)" --role "$(or $(ROLE),user)"

doctor: $(VENV)/.local-installed ## Look at every part of the running stack and say what to do; STATE_DIR=.local
	@$(RUN) -m scripts.doctor --stack

test: $(VENV)/.dev-installed ## Run the tests
	@$(RUN) -m pytest

test-long: $(VENV)/.dev-installed ## Run the tests that take minutes each: failover, failpoints, memory, more of the kill matrix
	@$(RUN) -m pytest -m long

check: $(VENV)/.dev-installed ## Lint, check format, types, imports and what is in deploy/
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports
	@$(RUN) -m pytest -q tests/deploy

bench: $(VENV)/.dev-installed ## Measure, and write docs/benchmarks.md; ONLY=upload, memory, pipeline, hosted, growth …
	@$(RUN) -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(BENCH_SPEECH),--speech "$(BENCH_SPEECH)")

chaos: $(VENV)/.dev-installed ## Break every process at every step and write docs/kill-matrix.md; ONLY="× mongod", CHAOS="--most 50"
	@$(RUN) -m tests.chaos $(if $(ONLY),--only "$(ONLY)" --out .local/kill-matrix.md) $(CHAOS)

format: $(VENV)/.dev-installed ## Format the code
	@$(RUN) -m ruff check --fix-only
	@$(RUN) -m ruff format

lock: ## Compile the hash locks anew (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or UV=/path/to/uv" >&2; exit 1; }
	$(COMPILE) requirements.in -o requirements.lock
	$(COMPILE) requirements-local.in -c requirements.lock -o requirements-local.lock
	$(COMPILE) requirements-dev.in -c requirements.lock -c requirements-local.lock -o requirements-dev.lock

clean: ## Remove the environment, caches and the local stack's data
	rm -rf $(VENV) .local .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

rebuild:
	@rm -rf $(VENV)

$(VENV)/bin/python: $(BROKEN)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed, and $(PYTHON) is not: PYTHON=/path/to/python3.11 make ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo 'Making $(VENV) ...' >&2
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.local-installed: requirements-local.lock $(BROKEN) | $(VENV)/bin/python
	@$(RUN) -m pip install --disable-pip-version-check --require-hashes -r requirements-local.lock >&2
	@touch $@

$(VENV)/.dev-installed: requirements-dev.lock requirements-local.lock $(BROKEN) | $(VENV)/bin/python
	@$(RUN) -m pip install --disable-pip-version-check --require-hashes -r requirements-dev.lock >&2
	@touch $(VENV)/.local-installed $@
