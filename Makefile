# `make demo` reads a sample; `make test` runs lint, types and tests. Both set up .venv first.
# The slow measurements are targets of their own: bench, accuracy, soak, interop.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint unit bench accuracy soak interop clean

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

bench: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/recognize.py bundled small base
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/words.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/segment.py --tesseract samples
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/pages.py samples

# SHARED: lines and pages with their truth, and the judge
SHARED ?= ../shared
accuracy: $(READY)
	$(BIN)/python benchmarks/accuracy.py lines $(SHARED)/lines/lines.tsv
	$(BIN)/python benchmarks/accuracy.py pages $(SHARED)/pages --judge $(SHARED)/judge/judge.py

soak: $(READY)
	$(BIN)/python benchmarks/soak.py

# INTEROP: Pythons that have the other programs, e.g. make interop INTEROP="tools/bin/python"
interop: $(READY)
	$(BIN)/python benchmarks/interop.py $(addprefix --python ,$(INTEROP))

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[train]" --group dev
	touch $(READY)

clean:
	rm -rf $(VENV) demo
