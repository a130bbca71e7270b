# `make help` lists what can be made. Everything happens inside this folder: .venv (Python environment), target (Rust).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?=
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
EXTENSION := python/safar/_core.abi3.so
RUST := Cargo.toml Cargo.lock $(shell find src -name '*.rs')
OUT ?= demo
ROWS ?= 10M

# The extension has a target directory of its own, so that its build and cargo's own tests don't undo each other's work.
EXTENSION_TARGET := $(CURDIR)/target/maturin
MATURIN = VIRTUAL_ENV=$(CURDIR)/$(VENV) CARGO_TARGET_DIR=$(EXTENSION_TARGET) $(BIN)/maturin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Rust code is checked and tested in the profile that development builds use, so that its dependencies are built once.
PROFILE := fast
CLIPPY := cargo clippy --locked --profile $(PROFILE) --all-targets

# The same random cases in every run; another number searches elsewhere.
export PROPTEST_RNG_SEED ?= 7

# Stamps: what is up to date is not made again.
ENVIRONMENT := $(VENV)/.environment
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
INSTALLED := $(VENV)/.installed
RELEASED := $(VENV)/.released

.PHONY: help demo test test-rust test-python lint lint-rust lint-python docs pictures format bench wheel lock clean force

help: ## list these
	@echo "safar: customer-journey analytics. Needs Rust and Python 3.11 or later (another one: make PYTHON=/path/to/python3)."
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(INSTALLED) ## build safar and write the demo: data, analyses and a page in ./demo (OUT=...)
	@$(BIN)/python -m safar demo --out $(OUT)

test: test-rust test-python ## run all tests: Rust, Python, docstrings, notebooks

test-rust: ## run the tests of the Rust core
	@if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run --locked --cargo-profile $(PROFILE); \
	else \
		cargo test --locked --profile $(PROFILE) --lib --bins --tests; \
	fi
	cargo test --locked --profile $(PROFILE) --doc

test-python: $(DEVELOPMENT) $(INSTALLED) ## run the Python tests, docstrings and notebooks (T="-k funnel" picks)
	$(BIN)/python -m pytest $(T)

lint: lint-rust lint-python ## check form, types and the extension's stub in both languages

lint-rust: $(DEVELOPMENT)
	cargo fmt --check
	$(CLIPPY) -- -D warnings
	PYO3_PYTHON=$(BIN)/python $(CLIPPY) --features python -- -D warnings

lint-python: $(DEVELOPMENT) $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml safar._core

docs: $(DEVELOPMENT) $(INSTALLED) ## build the documentation into ./site, strictly: a warning is an error
	NO_MKDOCS_2_WARNING=1 PATH="$(BIN):$$PATH" $(BIN)/mkdocs build --strict

pictures: $(DEVELOPMENT) $(INSTALLED) ## take the pictures of pages that README and documentation show
	$(BIN)/python scripts/pictures.py

format: $(DEVELOPMENT) ## bring all code into form
	cargo fmt
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

bench: $(DEVELOPMENT) $(RELEASED) ## measure the core and compare with other engines (ROWS=1M, BENCH="--rounds 5")
	cargo bench --locked --bench core
	$(BIN)/python benches/build.py --rows $(ROWS)
	$(BIN)/python benches/scan.py --rows $(ROWS)
	$(BIN)/python benches/peers.py --rows $(ROWS) $(BENCH)

wheel: $(RUNTIME) ## build the wheel to give away into ./dist
	$(MATURIN) build --locked --profile release --out dist

lock: $(ENVIRONMENT) ## resolve requirements/dev.txt anew
	$(BIN)/python scripts/lock.py

clean: ## remove everything that was made
	rm -rf $(VENV) target dist demo site $(EXTENSION) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find python tests benches scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(ENVIRONMENT):
	@sh scripts/environment.sh $(VENV) $(PYTHON)
	@touch $@

# What running safar needs, and maturin to build it.
$(RUNTIME): $(ENVIRONMENT) requirements/dev.txt pyproject.toml
	@command -v cargo >/dev/null || { echo "safar needs Rust 1.88 or later: https://rustup.rs" >&2; exit 1; }
	@echo "installing what safar needs into $(VENV)"
	@$(PIP) install --constraint requirements/dev.txt maturin altair jinja2 numpy scikit-learn scipy
	@touch $@

$(DEVELOPMENT): $(RUNTIME)
	@echo "installing what the tests need into $(VENV)"
	@$(PIP) install --requirement requirements/dev.txt
	@touch $@

# The extension for development: optimised, incremental, in place beside the Python code.
$(INSTALLED): $(RUNTIME) $(RUST) $(if $(wildcard $(EXTENSION)),,force)
	@rm -f $(RELEASED)
	$(MATURIN) develop --locked --profile $(PROFILE)
	@touch $@

# The same as wheels have it, for measuring.
$(RELEASED): $(RUNTIME) $(RUST) $(if $(wildcard $(EXTENSION)),,force)
	$(MATURIN) develop --locked --profile release
	@touch $(INSTALLED) $@

force:
