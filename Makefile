# `make demo` reads a sample; `make test` runs lint, types and tests. Both set up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint unit clean

demo: $(READY)
	$(BIN)/pagereader samples/letter.pdf -o demo/letter.xml -f page,hocr,txt --overwrite
	@head -n 12 demo/letter.txt

test: lint unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(READY)
	$(BIN)/pytest -q

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[train]" --group dev
	touch $(READY)

clean:
	rm -rf $(VENV) demo
