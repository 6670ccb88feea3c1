.PHONY: install format lint types layers test check

PYTHON = $(shell scripts/environment test cli,local,mcp,test,tokens,tools-time,tools-units)
BIN = $(dir $(PYTHON))

install:
	scripts/environment test cli,local,mcp,test,tokens,tools-time,tools-units
format:
	$(BIN)ruff check --fix . && $(BIN)ruff format .
lint:
	$(BIN)ruff check . && $(BIN)ruff format --check .
types:
	$(BIN)mypy
layers:
	$(BIN)lint-imports
test:
	$(BIN)python -m pytest
check:
	scripts/test
