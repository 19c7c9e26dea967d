# Two commands do everything on a fresh machine: `make demo` and `make test`.
VENV := .venv
BIN := $(VENV)/bin
ENGINE ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint bench docs golden clean

help:
	@echo 'make demo       install repropack, find or set up an engine, verify a real example'
	@echo 'make test       everything that must pass (ENGINE=venv make demo needs no container)'
	@echo 'make test-all   the same and the long checks'
	@echo 'make bench      measure, and print ratios'
	@echo 'make docs       write docs/cli.md and the golden files again'

demo: $(VENV)/.installed
	@tools/demo.sh $(ENGINE)

test: $(VENV)/.dev
	@tools/test.sh

test-all: $(VENV)/.dev
	@tools/test.sh --all

lint: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/speed.py

docs: $(VENV)/.dev
	$(BIN)/python tools/write_cli_docs.py
	$(BIN)/pytest -q tests/golden --update-golden

clean:
	rm -rf $(VENV) .repropack dist examples/*/.repropack

$(VENV)/.installed: pyproject.toml tools/environment.sh
	@tools/environment.sh $(VENV) .

$(VENV)/.dev: pyproject.toml tools/environment.sh
	@tools/environment.sh $(VENV) '.[dev]'
