# Everything a person or a machine does in this clone. Each target sets up what it needs first:
# to run Mayfly takes less than to test it.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Node trusts what this machine trusts, as everything else does.
export NODE_EXTRA_CA_CERTS ?= /etc/ssl/certs/ca-certificates.crt

.PHONY: help
help:  ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: setup
setup:  ## Debian packages, virtual environment, Mayfly in it; only what is missing
	@scripts/setup

.PHONY: demo
demo:  ## Run examples/char-sign on amd64 and arm64, and see where they differ
	@scripts/setup to-run
	@python examples/demo.py

.PHONY: test
test: setup  ## Run everything: what `check` runs, and jobs in real machines of both architectures
	@scripts/test

.PHONY: check
check: lint  ## Lint, and run the fast tests
	pytest -q -m 'not e2e'

.PHONY: lint
lint: setup  ## Style, types, layers, shell scripts
	@scripts/lint

.PHONY: format
format: setup  ## Put all Python into the common style
	ruff format
	ruff check --fix

.PHONY: bench
bench: setup  ## Measure machines, the fleet, pages and plans on this machine
	python -m bench

.PHONY: simulate
simulate: setup  ## Whole fleets with every fault, by seed: make simulate SEEDS=100000
	python -m tests.simulation --seeds $(or $(SEEDS),2000)

.PHONY: lock
lock: setup  ## Pin the newest requirements, with hashes
	@scripts/lock --upgrade

.PHONY: docs
docs: setup  ## Write docs/cli.md and the table of docs/api.md anew, from the program
	python scripts/document_cli.py >docs/cli.md
	python scripts/document_api.py --write

.PHONY: migration
migration: setup  ## Write the first version of the database's schema anew, while none was released
	python scripts/first_migration.py

.PHONY: picture
picture: setup  ## Draw the README's picture anew, from a real run of the demo
	python scripts/picture.py docs/demo.svg

.PHONY: clean
clean:  ## Remove what was made in this clone; images stay, see `mayfly image rm`
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	rm -rf tests/oracle/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf '{}' +
