# Two commands for users: `make sweep` and `make test`. Everything lives in .venv and sweeps/.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: sweep test lint types check validation clean

$(BIN)/hwsim: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e .
	@touch $@

$(BIN)/pytest: $(BIN)/hwsim
	$(BIN)/pip install --quiet -e '.[test]'
	@touch $@

$(BIN)/ruff: $(BIN)/hwsim
	$(BIN)/pip install --quiet -e '.[lint]'
	@touch $@

sweep: $(BIN)/hwsim  ## the default sweep: the embedded network on the embedded data
	$(BIN)/precision-search run --jobs $(JOBS)

test: $(BIN)/pytest  ## every test and every example in the documentation
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

lint: $(BIN)/ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/ruff
	$(BIN)/mypy

validation: $(BIN)/hwsim  ## docs/validation.md: measured against predicted, every prediction made again
	$(BIN)/hwsim validate -o docs/validation.md

check: lint types test

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage
