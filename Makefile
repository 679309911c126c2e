# Seven commands; everything they need beside Python >= 3.11, pip and make they install themselves, into .venv.
.DEFAULT_GOAL := help
.PHONY: demo test check bench quality run help
PYTHON := .venv/bin/python
CONFIG ?= lifeline.yaml
ONCE ?=
PARTS ?=
OUT ?= build/quality
PYTEST_ARGS ?= -n 2 --dist worksteal

help: ## print these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: .venv/.run ## a whole district in one program; ONCE=1 plays the story, checks it, and exits 0 or 1
	@.venv/bin/lifeline demo $(if $(filter 1 true yes,$(ONCE)),--once)

test: .venv/.test ## gates, unit, property and end-to-end tests with real services; two at a time, PYTEST_ARGS=tests/rules for a part
	@deploy/install-test-services.sh
	@$(PYTHON) -m pytest $(PYTEST_ARGS)

check: .venv/.test ## lint, types, contracts and budgets only
	@$(PYTHON) -m pytest -q tests/test_style.py tests/test_contracts.py tests/test_budgets.py

bench: .venv/.test .venv/.bench ## one line a figure, measured on this machine
	@deploy/install-test-services.sh
	@$(PYTHON) -m benchmarks

quality: .venv/.bench ## how good the warnings are, beside others', on the recordings in DATA=...; PARTS="skab nab" for some, page and plots in OUT=build/quality
	@$(PYTHON) -m benchmarks.warning_quality $(DATA) $(PARTS) --out $(OUT)

run: .venv/.run ## the program, configured by CONFIG=lifeline.yaml
	@.venv/bin/lifeline run --config $(CONFIG)

.venv/.run: requirements/run.txt pyproject.toml deploy/make-environment.sh
	@deploy/make-environment.sh requirements/run.txt
	@touch $@

# the lock file of the tests holds everything of the other one too
.venv/.test: requirements/test.txt requirements/sparkplug-edge.txt requirements/oldest-pip.txt pyproject.toml deploy/make-environment.sh
	@deploy/make-environment.sh requirements/test.txt
	@touch .venv/.run $@

# holds everything to run too, in the versions of the tests
.venv/.bench: requirements/bench.txt pyproject.toml deploy/make-environment.sh
	@deploy/make-environment.sh requirements/bench.txt
	@touch .venv/.run $@
