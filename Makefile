# One command each: `make help` lists them. Everything runs in .venv, which is made from the hash locks.
PYTHON ?= python3
UV ?= uv
VENV := .venv
AT_ONCE ?= 4
RUN := $(VENV)/bin/python
WHO = $(if $(filter command,$(firstword $(origin USER))),$(USER),demo)
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help demo up token doctor test test-long test-soak screenshots check bench chaos lock audit format clean environment dev-environment

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

demo: environment ## Play a spoken interview through the whole stack; AUDIO=own.wav transcribes your own recording
	@$(RUN) -m scripts.demo $(if $(AUDIO),--audio "$(AUDIO)")

up: environment ## Run MongoDB, Valkey, worker, beat and API until Ctrl-C; PORT=8000 STATE_DIR=.local
	@$(RUN) -m scripts.stack.up --with-parent

token: environment ## Print a bearer token for the running stack; USER=demo ROLE=user
	@$(RUN) -m scripts.mint_token --stack --user "$(WHO)" --role "$(or $(ROLE),user)"

doctor: environment ## Look at every part of the running stack and say what to do; STATE_DIR=.local
	@$(RUN) -m scripts.doctor --stack

# Compiled once, not by each of many processes; whatever the environment says.
test test-long test-soak: export PYTHONDONTWRITEBYTECODE :=

test: dev-environment ## Run the tests, AT_ONCE=4 files side by side, and tell which took longest
	@$(RUN) -m scripts.promptly pytest -n $(AT_ONCE) --no-loadscope-reorder --durations 15

test-long: AT_ONCE = 3
test-long: dev-environment ## Run what repeats them: under faults, in crowds, in Firefox, more cells and examples, the kill matrix; WITHOUT=firefox
	@$(RUN) -m scripts.promptly pytest -m "(long or hypothesis) and not alone and not soak$(if $(WITHOUT), and not $(WITHOUT))" --hypothesis-profile more --timeout 1200 -n $(AT_ONCE) --no-loadscope-reorder --durations 15
	@$(RUN) -m scripts.promptly pytest -m "long and alone" --timeout 1200 --durations 15

test-soak: dev-environment ## Run what takes minutes each or a machine of its own: memory, full disks, elections, the package from npm
	@$(RUN) -m scripts.promptly pytest -m soak --timeout 0 --durations 15

screenshots: dev-environment ## Play the demo and the dashboard in a browser, and take docs/images anew
	@$(RUN) -m scripts.promptly tests.browser.screenshots

check: dev-environment ## Lint, check format, types, imports and what is in deploy/
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports
	@$(RUN) -m scripts.promptly pytest -q tests/deploy

bench: dev-environment ## Measure, and write docs/benchmarks.md; ONLY=upload, memory, pipeline, hosted, growth …
	@$(RUN) -m scripts.promptly benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(BENCH_SPEECH),--speech "$(BENCH_SPEECH)")

chaos: dev-environment ## Break every process at every step and write docs/kill-matrix.md; ONLY="× mongod", CHAOS="--most 50"
	@$(RUN) -m scripts.promptly tests.chaos $(if $(ONLY),--only "$(ONLY)" --out .local/kill-matrix.md) $(CHAOS)

format: dev-environment ## Format the code
	@$(RUN) -m ruff check --fix-only
	@$(RUN) -m ruff format

lock: ## Compile the hash locks anew (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or UV=/path/to/uv" >&2; exit 1; }
	$(COMPILE) requirements.in -o requirements.lock
	$(COMPILE) requirements-local.in -c requirements.lock -o requirements-local.lock
	$(COMPILE) requirements-dev.in -c requirements.lock -c requirements-local.lock -o requirements-dev.lock

audit: ## Ask an advisory database about every locked package; fails where none is within reach
	@$(PYTHON) -m venv $(VENV)-audit
	@$(VENV)-audit/bin/pip install --disable-pip-version-check --quiet pip-audit
	@$(VENV)-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock -r requirements-local.lock -r requirements.lock

clean: ## Remove the environment, caches and the local stack's data
	rm -rf $(VENV) $(VENV).lock $(VENV)-audit $(VENV)-audit.lock .local .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

environment:
	@$(PYTHON) scripts/environment.py $(VENV) requirements-local.lock

dev-environment:
	@$(PYTHON) scripts/environment.py $(VENV) requirements-dev.lock requirements-local.lock
