# Every target sets up what it needs, alone and in any order. The only things asked of the machine: make and Python 3.11 or newer.

# The first Python that starts and is new enough; name another with `make test PYTHON=/path/to/python3.13`.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; done)
# Options for the command behind a target: `make test ARGS="tests/kernel -x"`, `make demo ARGS="--port 8001"`.
ARGS ?=
# Whatever the shell says: what was compiled is kept, or every process that the tests start would compile it again.
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv
IN_VENV := $(VENV)/bin/

.DEFAULT_GOAL := help
.PHONY: help demo test programs compiled patches lint format bench reference lock clean python run-environment dev-environment

help:
	@echo "make demo    start the demo application"
	@echo "make test    run all tests (ARGS=\"tests/kernel -x\" for some)"
	@echo "make patches break the framework on purpose, row by row of ASVS, and see whether the tests notice"
	@echo "make lint    run ruff, mypy and import-linter"
	@echo "make format  let ruff put the files in order"
	@echo "make bench   measure beside Django, FastAPI and Litestar"
	@echo "make reference  write what is made from the code: pages of docs/reference, lock files"
	@echo "make lock    resolve the pinned requirements again"
	@echo "make clean   remove what these commands made"

demo: run-environment
	@cd examples/casebook && $(CURDIR)/$(IN_VENV)fastness demo $(ARGS)

test: dev-environment programs
	@$(IN_VENV)python -m pytest --numprocesses=auto $(ARGS)

# Not while the environment is made, which may need apt as well.
programs: dev-environment
	@$(PYTHON) scripts/system_packages.py

# Tests and what they import, once: each of the processes that run them would do it. What is wrong with them, `test` says.
compiled: dev-environment
	@$(IN_VENV)python -m pytest --collect-only -qq >/dev/null 2>&1 || true

patches: dev-environment
	@$(IN_VENV)python -m scripts.patches $(ARGS)

lint: dev-environment
	@$(IN_VENV)ruff check .
	@$(IN_VENV)ruff format --check .
	@$(IN_VENV)mypy src tests scripts examples/casebook/casebook
	@$(IN_VENV)lint-imports --no-logo

format: dev-environment
	@$(IN_VENV)ruff check --fix --select I .
	@$(IN_VENV)ruff format .

bench: dev-environment
	@$(IN_VENV)python -m bench $(ARGS)

reference: dev-environment
	@$(IN_VENV)python -m scripts.reference
	@$(IN_VENV)python -m scripts.asvs
	@$(IN_VENV)python -m scripts.locks

lock: python
	@$(PYTHON) scripts/environment.py $(VENV)-lock requirements/lock.txt
	@$(VENV)-lock/bin/python scripts/lock.py

clean:
	rm -rf $(VENV) $(VENV).lock $(VENV)-lock $(VENV)-lock.lock .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache build dist

python:
	@if [ -z "$(PYTHON)" ]; then echo "error: Python 3.11 or newer is needed (Debian: apt-get install python3 python3-venv; macOS: brew install python)" >&2; exit 1; fi

run-environment: python
	@$(PYTHON) scripts/environment.py $(VENV) requirements/run.txt --editable

dev-environment: python
	@$(PYTHON) scripts/environment.py $(VENV) requirements/run.txt requirements/dev.txt --editable
