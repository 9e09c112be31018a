# The platform on this machine, without Docker. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help demo up down status health-check test-s3 check test test-long test-airflow test-compose test-compose-full test-demo test-docs test-e2e test-hostile test-newer-postgres \
	lint column settings bench bench-airflow bench-large clean venv venv-dev

PYTHON ?= python3
PARTS := short
PARALLEL := -n auto --dist worksteal
# A file's tests stay together, and the long files come first (testpaths), so that all processes end at the same time.
BY_FILE := -n auto --dist loadfile --no-loadscope-reorder
RUN := .venv/bin/python
# The tests start Python hundreds of times. Without its compiled modules each start takes up to three times as long.
unexport PYTHONDONTWRITEBYTECODE
SETUP = command -v "$(PYTHON)" >/dev/null || { echo "setup: Python 3.11 or newer is needed"; exit 1; }; \
	PYTHON="$(PYTHON)" "$(PYTHON)" scripts/setup_venv.py

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: venv ## Run the pipeline for the last three days, show the results, stop everything
	@$(RUN) -m local_stack demo

up: venv ## Start the platform and keep it running; prints addresses and passwords, writes .local/env
	@$(RUN) -m local_stack up

down: venv ## Stop the platform; its data stays in .local/
	@$(RUN) -m local_stack down

status: venv ## Show which services run
	@$(RUN) -m local_stack status

health-check: venv ## Check services, data, Airflow, retailers and S3; exit status 1 when something is down
	@scripts/check_pipeline_health.sh

test-s3: venv ## Write, read and delete an object in both buckets
	@$(RUN) scripts/check_s3.py

check: venv-dev ## The inner loop, about a minute: style, types, imports, and the tests that need no service
	@$(MAKE) --no-print-directory lint
	@$(RUN) -m pytest $(PARALLEL) tests/unit tests/architecture -m "not real_data and not long"

test: venv-dev ## Run the unit and integration tests
	@$(RUN) -m pytest $(BY_FILE) --in-memory -m "not real_data and not long"

test-long: venv-dev ## Run the tests that load the real Online Retail data, kill landings at every write, or have many examples
	@$(RUN) -m pytest $(PARALLEL) --in-memory -m "real_data or long"

test-hostile: venv-dev ## Read sources that are slow, endless, huge or wrong with every connector; prints how each ended, its time and memory
	@$(RUN) -m pytest $(PARALLEL) tests/hostile

test-demo: venv-dev ## Run the demo twice in a copy of this checkout; start, stop, interrupt and kill the platform
	@$(RUN) -m pytest tests/end_to_end/test_demo.py tests/end_to_end/test_stack.py

test-newer-postgres: venv-dev ## Run the warehouse's tests on the newest PostgreSQL that PyPI has
	@RETAIL_POSTGRES=pypi $(RUN) -m pytest $(PARALLEL) tests/integration/test_schema.py \
		tests/integration/transformation tests/integration/materialized_views tests/integration/data_quality

test-e2e: venv-dev ## Run the DAG on a real scheduler: failing retailers, catching up
	@$(RUN) -m pytest tests/end_to_end/test_pipeline.py

test-airflow: venv-dev ## Use Airflow in a real browser, start runs in every way, kill parts of it: 15 minutes; PARTS="core or kills"
	@$(RUN) -m pytest -vv --durations=15 tests/airflow $(if $(filter command line,$(origin PARTS)),-m "$(PARTS)")

test-compose: venv-dev ## Build the containers, start them, run a date, inspect them: 10 minutes; needs Docker; PARTS="images or tls"
	@$(RUN) -m pytest -vv --durations=15 tests/containers -m "$(PARTS)"

test-compose-full: venv-dev ## All tests of the containers: commands, kills, overrides, documents too: 35 minutes; needs Docker
	@$(RUN) -m pytest -vv --durations=15 tests/containers

test-docs: venv-dev ## Run every command of the documents in a copy of this checkout
	@$(RUN) -m pytest tests/end_to_end/test_documentation.py

lint: venv-dev ## Check style, types and imports
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy .
	@PYTHONPATH=airflow/plugins .venv/bin/lint-imports

column: venv ## Write the migration for a new field of SalesRecord: make column NAME=promotion_code TYPE=text
	@$(RUN) scripts/add_column.py "$(NAME)" $(if $(TYPE),"$(TYPE)")

settings: venv ## Write .env.example, docs/SETTINGS.md and sources/source.schema.json from their declarations
	@$(RUN) -m scripts.write_settings_docs
	@$(RUN) -m scripts.write_source_schema

bench: venv ## Measure every figure of docs/BENCHMARKS.md side by side and write it; BENCH=quick takes 3 minutes
	@$(RUN) -m benchmarks $(or $(BENCH),full)

bench-airflow: venv ## Measure one day in Airflow from trigger to success, against a run of empty tasks; starts the platform if needed
	@$(RUN) -m benchmarks.airflow_run

bench-large: venv ## Add one day on top of 50 million facts to the last benchmark: 20 minutes, 25 GiB of disk
	@$(RUN) -m benchmarks large

clean: ## Stop the platform and remove .local/ with all its data, .venv and caches
	@if [ -x $(RUN) ] && [ -d .local ]; then $(RUN) -m local_stack down; fi
	@case "$$(readlink .local/postgres)" in /var/tmp/retail-analytics-*) rm -rf "$$(readlink .local/postgres)";; esac
	@rm -rf .local .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

venv:
	@$(SETUP)

venv-dev:
	@$(SETUP) --dev
