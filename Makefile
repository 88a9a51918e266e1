# Two commands on a fresh machine: `make demo` and `make test`. Each sets itself up.
.PHONY: help setup demo check test lint bench pictures clean faults test-bluez
.DEFAULT_GOAL := help
bin := .venv/bin
# Compiling every module again makes a third of a start, and the tests start hundreds of services.
unexport PYTHONDONTWRITEBYTECODE

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## Everything the demo needs; quick when nothing is missing
	@scripts/setup

demo: setup ## The whole chain on this machine: a simulated home, the real gateway, broker and backend
	@exec $(bin)/hearthline demo

check: setup ## The same without a person: every hop with its evidence, then it ends
	@$(bin)/hearthline demo --check

lint: ## Formatting, lint and types
	@scripts/setup test
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy
	$(bin)/mypy tests bench scripts

test: lint ## Lint, then every test: unit, contract, integration, acceptance, browser
	$(bin)/python -m pytest -n 4 --dist loadfile --ignore tests/acceptance
	$(bin)/python -m pytest -n 2 --dist loadfile tests/acceptance

test-bluez: ## The gateway against a real kernel and bluetoothd, in an emulated Debian that is built once
	@scripts/setup test
	@$(bin)/python -m scripts.guest

faults: ## Every fault with its full counts, one line each; writes docs/reference/faults.md
	@scripts/setup test
	@$(bin)/python -m tests.faults

bench: ## The whole chain, the gateway and the backend: times, rates, memory, processor time
	@scripts/setup test
	@$(bin)/python -m bench.chain
	@$(bin)/python -m bench.gateway
	@$(bin)/python -m bench.ingest
	@$(bin)/python -m bench.alerts

pictures: ## The pictures of the docs, from a running demo
	@scripts/pictures

clean: ## Remove what the other targets made
	rm -rf .venv .tools build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
