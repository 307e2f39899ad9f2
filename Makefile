# All commands of the project. A machine needs Python 3.11 or newer and make, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CLIENTS := .venv-clients

# Write bytecode even if the shell disables it: without it every process compiles all sources again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help serve web test clients integration check sdl migrate lock format clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(BIN)/python
	@echo "Installing what the server needs into $(VENV), once: about 20 seconds" >&2
	@$(BIN)/python -m pip install --no-deps --no-compile --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-test: requirements-test.txt $(VENV)/.installed
	@echo "Installing pytest into $(VENV), once: about 10 seconds" >&2
	@$(BIN)/python -m pip install --no-deps --no-compile --quiet --disable-pip-version-check --require-hashes -r requirements-test.txt
	@touch $@

$(VENV)/.installed-integration: requirements-integration.txt $(VENV)/.installed-test
	@echo "Installing what tests of databases, clients and pages need into $(VENV), once: about 15 seconds" >&2
	@$(BIN)/python -m pip install --no-deps --no-compile --quiet --disable-pip-version-check --require-hashes -r requirements-integration.txt
	@touch $@

$(VENV)/.installed-check: requirements-check.txt $(VENV)/.installed-integration
	@echo "Installing the tools of make check into $(VENV), once: about 15 seconds" >&2
	@$(BIN)/python -m pip install --no-deps --no-compile --quiet --disable-pip-version-check --require-hashes -r requirements-check.txt
	@touch $@

serve: migrate web ## Migrate the database and serve the API on http://127.0.0.1:8000/graphql
	@exec $(BIN)/python -m server serve

# If the pages cannot be built, the API is served all the same, and the page says which command builds them.
web: $(VENV)/.installed ## Build the dashboard and GraphiQL, unless they are up to date
	@$(MAKE) --no-print-directory --silent web/dist/.built || echo "The dashboard is not built; the API starts all the same." >&2

NODE_IS_NEW_ENOUGH = node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exitCode = Number(major < 20 || (major === 20 && minor < 19))' 2>/dev/null && npm --version >/dev/null

# Node is installed from PyPI if the machine has none that is new enough.
$(VENV)/.node: tests/clients/requirements-node.txt | $(VENV)/.installed
	@$(NODE_IS_NEW_ENOUGH) || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

web/node_modules/.installed: web/package-lock.json web/.npmrc | $(VENV)/.node
	@echo "Installing what the dashboard is built of into web/node_modules, once: about a minute" >&2
	cd web && PATH="$(abspath $(BIN)):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/.built: web/node_modules/.installed web/index.html web/graphiql.html web/vite.config.ts domain/providers.toml $(shell find web/src -type f)
	cd web && PATH="$(abspath $(BIN)):$$PATH" npm run --silent build
	@touch $@

migrate: $(VENV)/.installed ## Bring the database to the newest schema
	@$(BIN)/python -m server migrate

# Clients that the tests run. Those in Python have a separate environment. Node is installed there too if the machine
# has none that is new enough. The tests only read source files of LiteLLM.
$(CLIENTS)/.installed: tests/clients/requirements.txt tests/clients/requirements-litellm.txt tests/clients/requirements-node.txt | $(BIN)/python
	@echo "Installing the clients in Python that the tests run into $(CLIENTS), once: a minute or two" >&2
	$(PYTHON) -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/clients/requirements.txt
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-compile -r tests/clients/requirements-litellm.txt
	@$(NODE_IS_NEW_ENOUGH) \
		|| $(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/clients/requirements-node.txt
	@touch $@

tests/clients/node_modules/.installed: tests/clients/package-lock.json | $(CLIENTS)/.installed
	@echo "Installing the clients from npm that the tests run into tests/clients/node_modules, once: a minute or two" >&2
	cd tests/clients && PATH="$(abspath $(CLIENTS)/bin):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clients: tests/clients/node_modules/.installed ## Install the clients that the tests run: from npm, and in Python

integration: $(VENV)/.installed-integration ## Install what tests of databases, clients and pages need

# All tests need everything. The tests that ARGS names install what they need: tests/support/install.py.
test: $(VENV)/.installed-test $(if $(ARGS),,integration clients web) ## Run the tests on all cores (one: make test ARGS="tests/domain/test_money.py -k rounds")
	@ROUTER_TEST_MAKE="$(MAKE_COMMAND)" $(BIN)/python -m pytest $(or $(ARGS),-n auto --maxprocesses 4 --dist worksteal)

check: $(VENV)/.installed-check web/node_modules/.installed ## Lint, types, imports, SDL snapshot, migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m server sdl | diff -u schema/schema.graphql - || { echo "schema/schema.graphql is not current: run 'make sdl'" >&2; exit 1; }
	@$(BIN)/python -m migrations.check
	@cd web && PATH="$(abspath $(BIN)):$$PATH" npm run --silent check

sdl: $(VENV)/.installed web/node_modules/.installed ## Write the GraphQL schema to schema/schema.graphql, and generate the dashboard's types
	@$(BIN)/python -m server sdl > $(VENV)/schema.graphql && mv $(VENV)/schema.graphql schema/schema.graphql
	@cd web && PATH="$(abspath $(BIN)):$$PATH" npm run --silent generate

format: $(VENV)/.installed-check ## Format and fix what can be fixed
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

# The index address is left out on purpose: the lock serves whatever registry pip is set up with.
lock: $(VENV)/.installed-check ## Compile requirements*.txt from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" -o requirements.txt
	$(BIN)/uv pip compile --group test --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" -c requirements.txt -o requirements-test.txt
	$(BIN)/uv pip compile --group integration --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" -c requirements.txt -c requirements-test.txt -o requirements-integration.txt
	$(BIN)/uv pip compile --group check --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" -c requirements.txt -c requirements-integration.txt -o requirements-check.txt
	$(BIN)/uv pip compile --group pyproject.toml:clients --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" -o tests/clients/requirements.txt
	$(BIN)/uv pip compile --group pyproject.toml:litellm --no-deps --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" -o tests/clients/requirements-litellm.txt
	$(BIN)/uv pip compile --group pyproject.toml:node --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" -o tests/clients/requirements-node.txt

clean: ## Remove the virtual environment and caches (data stays)
	rm -rf $(VENV) $(CLIENTS) tests/clients/node_modules web/node_modules web/dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
