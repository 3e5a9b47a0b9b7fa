# Two commands matter: `make demo` shows the main job on this machine, `make test` proves it. Both do all the set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test bench lint contracts clean-demo

# The bundled PROJ brings its own database; one named in the environment breaks it.
unexport PROJ_DATA
unexport PROJ_LIB

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

demo: ## set up, build, make the sample county, import it, serve it; prints the addresses (SHIKONG_DEMO_ONCE=1: stop when served)
	@scripts/demo.sh

test: ## set up, build and pass every test
	@scripts/system-packages.sh test
	@scripts/web-libraries.sh tile-server/web tests/validators
	@scripts/python-validators.sh
	cargo build --locked --workspace --bins
	cargo test --locked --workspace

lint: ## rustfmt, clippy with the workspace lints, licences and sources of dependencies
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check licenses bans sources; else echo 'cargo-deny is not installed: licences and sources were not checked'; fi

bench: ## CPU-seconds and peak memory of the main jobs
	@scripts/bench.sh

contracts: ## write the generated contracts anew (openapi.json, command-line reference)
	cargo build --locked --workspace --bins
	@folder=$$(mktemp -d); scripts/contracts.sh target/debug "$$folder"; cp "$$folder/openapi.json" tile-server/; cp "$$folder/command-line.txt" docs/; rm -r "$$folder"

clean-demo: ## forget the demo's samples and catalogue
	rm -rf data/demo
