.PHONY: install format lint types layers metadata large test check

PYTHON = $(shell scripts/environment test test)
BIN = $(dir $(PYTHON))

install:
	scripts/environment test test
format:
	$(BIN)ruff check --fix . && $(BIN)ruff format .
lint:
	$(BIN)ruff check . && $(BIN)ruff format --check .
types:
	$(BIN)mypy
layers:
	$(BIN)lint-imports
metadata:
	$(dir $(shell scripts/environment dev dev))validate-pyproject pyproject.toml
large:
	git diff --cached --name-only --diff-filter=AM -z | xargs -0 -r du -k | \
		awk '$$1 > 1000 { print "larger than 1000 kB: " $$2; found = 1 } END { exit found }'
test:
	$(BIN)python -m pytest -n 2
check:
	scripts/test
