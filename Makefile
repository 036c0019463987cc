# make run     a fresh checkout -> an environment -> SeqGAN trained on the built-in grammar
# make test    the same set-up, then everything that must hold: lint, types, tests, docs
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test docs clean

run: $(STAMP)
	$(BIN)/textgan run recipes/seqgan.yaml

test: $(STAMP)
	BIN=$(BIN) scripts/check

docs: $(STAMP)
	$(BIN)/python scripts/reference.py docs/reference
	$(BIN)/mkdocs serve

$(STAMP): pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(STAMP)

clean:
	rm -rf $(VENV) build dist site *.egg-info
