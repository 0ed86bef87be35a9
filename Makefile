# Everything a developer does here. `make` alone tells what there is.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
POT := .cache
CATALOGUES := idp/translations
PAGES := idp $(filter-out templates/mail/,$(wildcard templates/*/))

# Tests and servers start many processes: each would compile the package again if bytecode were not kept.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup run test check conformance bench pictures lock messages migration first-migration clean

help:
	@echo "make run        set everything up and start the demo: the provider and four relying apps (ARGS=\"--port 9000\")"
	@echo "make test       set everything up and run every test (AT=\"2028-02-29\": as on that day, with faketime)"
	@echo "make check      lint, types, architecture, templates and the quick tests"
	@echo "make conformance   walk through the OpenID Foundation's conformance plans: pass or fail for each module"
	@echo "make bench      measure it beside node oidc-provider (DATABASE=postgresql, ARGS=\"--users 1000000\", ARGS=--mixed, ARGS=--console)"
	@echo "make pictures   pictures of every page, at three widths, light and dark, in screenshots/ (ARGS=\"console-people --language nl\")"
	@echo "make setup      only the environment: .venv, with the command idp in it"
	@echo "make messages   bring the catalogues of translations up to date and compile them"
	@echo "make migration m=\"why\"   draft the next migration from the tables"
	@echo "make lock       write requirements.lock again from pyproject.toml"
	@echo "make clean      remove the environment and everything that was made"

setup: $(READY)

# The stamp makes repeated runs instant; a changed lock or project file makes it stale.
$(READY): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked dependencies ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Debian's Python may lack venv and refuses a plain `pip install`: then virtualenv, in a folder of our own.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3 setup"; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { rm -rf .venv && \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .bootstrap virtualenv && \
		PYTHONPATH=.bootstrap $(PYTHON) -m virtualenv --quiet .venv; }

run: setup
	@$(BIN)/idp demo $(ARGS)

# AT is any date that `date -d` reads: every process of the suite but Chromium then sees the clock of the machine begin there.
OTHER_DAY = PYTHONPATH=tests/drivers/other_day faketime -f "+$$(($$(date -d '$(AT)' +%s) - $$(date +%s)))s"
test: setup
	@$(if $(AT),$(OTHER_DAY)) $(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/djlint --lint --quiet templates
	@$(BIN)/python -m pytest -q tests/architecture $(wildcard tests/rules) $(ARGS)

conformance: setup
	@$(BIN)/python -m tests.conformance $(ARGS)

bench: setup
	@$(BIN)/python -m tests.benchmarks $(if $(DATABASE),--database $(DATABASE)) $(ARGS)

pictures: setup
	@$(BIN)/python -m tests.browser.pictures $(ARGS)

# uv's own lock records download addresses, so only its export is kept.
lock: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target .bootstrap uv
	@.bootstrap/bin/uv export --quiet --python $(BIN)/python --format requirements-txt --no-emit-project --no-header \
		--no-annotate --output-file requirements.lock; made=$$?; rm -f uv.lock; exit $$made

# Two catalogues: `messages` for the pages, `mail` for the mails.
messages: setup
	@mkdir -p $(POT)
	@$(BIN)/pybabel -q extract -F pyproject.toml -k say -k say_many:1,2 -k _l --no-location --no-wrap -o $(POT)/messages.pot $(PAGES)
	@$(BIN)/pybabel -q extract -F pyproject.toml --no-location --no-wrap -o $(POT)/mail.pot templates/mail
	@for domain in messages mail; do \
		for folder in $(CATALOGUES)/*/; do \
			$(BIN)/pybabel -q update --init-missing -l $$(basename $$folder) -D $$domain -i $(POT)/$$domain.pot -d $(CATALOGUES) \
				--no-fuzzy-matching --no-wrap --ignore-pot-creation-date --ignore-obsolete || exit 1; \
		done; \
		$(BIN)/pybabel -q compile -D $$domain -d $(CATALOGUES) || exit 1; \
	done

migration: setup
	@$(BIN)/python -m idp.schema "$(or $(m),$(error say why: make migration m="why"))"

# Only until the first release: the first migration is drawn again from the tables.
first-migration: setup
	@rm -f migrations/versions/*.py
	@$(BIN)/python -m idp.schema "the first tables"

clean:
	@rm -rf .venv .bootstrap .cache .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis screenshots dist
