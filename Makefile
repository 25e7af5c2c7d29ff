# Everything prepares what it needs: Debian packages where missing, then a virtual environment.
# `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in /usr/bin/python3 python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PYTEST := $(BIN)/python -m pytest
# A second lab beside the first: its own addresses by a network namespace, its own state.
POPULATED := $(SUDO) env LAB_DIR=$(CURDIR)/.lab/populated LAB_OBJECTS=1600 SOAK=$${SOAK:-} \
	$(BIN)/python -m tests.namespace $(BIN)/python -m tests.services $(BIN)/python -m pytest -m populated

# A third one, with many like computers and workers that are killed.
LOADED := $(SUDO) env LAB_DIR=$(CURDIR)/.lab/loaded LAB_CACHE=$(CURDIR)/.lab/cache SOAK=$${SOAK:-} \
	$(BIN)/python -m tests.namespace $(BIN)/python -m tests.services $(BIN)/python -m pytest -m load

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.PHONY: packages
packages: # Debian packages of packages.txt that are missing
	@missing=$$(sed 's/ *#.*//' packages.txt | while read -r p; do \
		[ -z "$$p" ] || [ "$$(dpkg-query -Wf '$${db:Status-Status}' "$$p" 2>/dev/null)" = installed ] \
		|| echo "$$p"; done | xargs); \
	if [ -n "$$missing" ]; then \
		echo "Installing Debian packages: $$missing"; \
		$(SUDO) apt-get update -qq; \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends $$missing >/dev/null; \
	fi

$(VENV)/.ready: requirements.lock | packages
	@echo "Preparing $(VENV)"
	@$(or $(PYTHON),/usr/bin/python3) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.PHONY: prepare
prepare: packages $(VENV)/.ready ## install what is missing, nothing else

.PHONY: demo
demo: prepare ## the whole product on one machine with the lab (DEMO=check plays the story by itself)
	@$(SUDO) $(BIN)/python -m lab.demo $(if $(filter check,$(DEMO)),--check)

.PHONY: test
test: prepare check ## every test, with seeded samples of the long ones
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target \
		tests-in-the-lab tests-on-postgresql tests-populated tests-under-load tests-on-sqlite

.PHONY: tests-in-the-lab tests-on-postgresql tests-populated tests-under-load tests-on-sqlite
tests-in-the-lab: # on PostgreSQL too, in a browser and end to end; TESTS names some of them
	@$(SUDO) $(BIN)/python -m tests.services $(BIN)/python -m pytest \
		-m "(lab or browser) and not populated and not load" $(TESTS)

tests-on-postgresql: # everything else; TESTS names some of them
	@$(SUDO) $(BIN)/python -m tests.services $(BIN)/python -m pytest \
		-m "not lab and not browser and not populated and not load" $(TESTS)

tests-populated: # what needs a directory of two thousand objects, in a network of its own
	@$(POPULATED)

tests-under-load: # what needs many computers, in a network of its own; TESTS names some of them
	@$(LOADED) $(TESTS)

tests-on-sqlite: # what differs there
	@$(SUDO) $(BIN)/python -m pytest -q -m "not lab and not browser and not services" tests \
		--ignore=tests/assist/remote_assistance

.PHONY: soak
soak: prepare ## the long tests in full
	@$(SUDO) env SOAK=1 $(BIN)/python -m tests.services $(BIN)/python -m pytest \
		--hypothesis-profile=soak -m "not populated and not load" $(TESTS)
	@SOAK=1 $(POPULATED)
	@SOAK=1 $(LOADED)

.PHONY: check
check: prepare ## lint, types, import directions, migrations, schema, deployment settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m tests.check_django

# What some measurements stand beside, as module/requirement.
PEERS_directory := 'django_python3_ldap/django-python3-ldap>=0.16,<1'
PEERS_audit := 'auditlog/django-auditlog>=3,<4'

# In a network of its own, so that its lab meets no other; root's, as the lab is.
.PHONY: bench
bench: prepare ## measurements beside peers, all or BENCH=name, of SIZE=n; each ends with a line of JSON
	@for peer in $(if $(BENCH),$(PEERS_$(BENCH)),$(PEERS_directory) $(PEERS_audit)); do \
		$(BIN)/python -c "import $${peer%%/*}" 2>/dev/null \
			|| $(BIN)/pip install --quiet --disable-pip-version-check "$${peer#*/}"; \
	done
	@for name in $(or $(BENCH),$(patsubst bench/%/__main__.py,%,$(wildcard bench/*/__main__.py))); do \
		$(SUDO) unshare --net sh -c 'ip link set lo up && exec "$$@"' bench \
			$(BIN)/python -m bench.$$name $(if $(SIZE),--size $(SIZE)); \
	done

.PHONY: screenshots
screenshots: prepare ## every page in both themes, into screenshots/
	@$(SUDO) env SCREENSHOTS=1 $(PYTEST) -q tests/browser/test_screenshots.py

.PHONY: lock
lock: prepare ## pin the newest versions that pyproject.toml allows
	@$(BIN)/pip-compile --quiet --extra dev --no-emit-index-url --no-emit-trusted-host --strip-extras \
		--allow-unsafe --generate-hashes --output-file requirements.lock pyproject.toml

.PHONY: clean
clean: ## stop the lab and remove what the targets made
	@-[ ! -x $(BIN)/python ] || $(SUDO) $(BIN)/python -m lab down
	@$(SUDO) rm -rf .lab .demo .bench .venv staticfiles screenshots
