# Everything a person types. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup repro test test-slow torture bench failures readme schema docs docs-transcripts screenshots check format lock ui always
# All targets work in the same environment and folders: with `make -j`, too, one comes after the other.
.NOTPARALLEL:

PROFILE ?=
MODELS ?=
PORT ?= 5000
KILLS ?= 20
LATE_KILLS ?= 5
SIGNALS ?= 10
DAMAGES ?= 200
CIFAR_KILLS ?= 0
ROW_KILLS ?= 4
RAY_KILLS ?= 0
INPUTS ?= 20000
TRACKING ?= 1
SEED ?= 0
ROUNDS ?=
OUTPUT ?=
BIN := .venv/bin
# Several rows of the table at once: how many, where, and with what each.
JOBS ?=
RAY := $(if $(JOBS),$(RAY_ADDRESS))
ROWS = --jobs $(JOBS) $(if $(CPUS_PER_ROW),--cpus-per-row $(CPUS_PER_ROW)) $(if $(GPUS_PER_ROW),--gpus-per-row $(GPUS_PER_ROW)) $(if $(RAY),--ray "$(RAY)")
COMPILE := $(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-annotate --quiet
# What `alexvgg` exits with where no row was made, so that there is no new table: nobody may begin here; Ctrl-C.
NOTHING_MADE := 6|130
# Stages run `python`: put the project's own first, whichever environment is active.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Compiled bytecode halves the import time of TensorFlow.
unexport PYTHONDONTWRITEBYTECODE
# What a shell reads first, where it looks for folders, what another Python needs, and what another DVC has said.
unexport BASH_ENV CDPATH GREP_OPTIONS PYTHONHOME PYTHONPATH PYTHONOPTIMIZE PYTHONWARNINGS DVC_ROOT DVC_STAGE
# DVC begins stages by this shell: a person's own may read files that change the PATH.
export SHELL

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ready $(if $(GPU),.venv/gpu) $(if $(BENCH),.venv/bench) $(if $(CLUSTER),.venv/cluster) $(if $(DOCS),.venv/docs) ## install everything into .venv (GPU=1 adds the CUDA libraries, BENCH=1 PyTorch for `make bench`, CLUSTER=1 Ray, S3 and PostgreSQL, DOCS=1 Sphinx for `make docs`)
	@echo "setup: .venv is ready"

# Asked each time: it knows what make does not see, such as a .venv that was copied from another machine.
.venv/ready: always
	@bash scripts/setup.sh

.venv/gpu: .venv/ready
	@bash scripts/setup.sh gpu

.venv/bench: .venv/ready
	@bash scripts/setup.sh bench

.venv/cluster: .venv/ready cluster.lock
	@bash scripts/setup.sh cluster

.venv/docs: .venv/ready docs.lock
	@bash scripts/setup.sh docs

always:

# What DVC, its stages and scripts import is this project's, also where an environment is shared.
repro schema readme failures: export PYTHONPATH := $(CURDIR)/src
repro: .venv/ready $(if $(RAY),.venv/cluster) ## run the pipeline and print the results table (PROFILE=quickstart|cpu|slides makes that profile the one in use; MODELS="alexnet …": only these rows; JOBS=2: so many rows at once, RAY_ADDRESS=…: on that Ray cluster, CPUS_PER_ROW, GPUS_PER_ROW)
	@$(if $(PROFILE),"$(BIN)/alexvgg" profile "$(PROFILE)")
	@"$(BIN)/alexvgg" check
	@targets=$$("$(BIN)/alexvgg" targets $(MODELS)) || exit; \
	made=0; $(if $(JOBS),"$(BIN)/alexvgg" rows --attached $(ROWS) $(MODELS); made=$$?; [ $$made -le 1 ] || exit $$made;) \
	[ $$made -ne 0 ] || { "$(BIN)/python" -m alexvgg.jobs.repro --keep-going $(if $(RAY),--pull) $$targets; made=$$?; }; \
	case $$made in $(NOTHING_MADE)) exit $$made;; esac; \
	"$(BIN)/alexvgg" finish && "$(BIN)/alexvgg" show $(MODELS); shown=$$?; \
	[ $$made -eq 0 ] && exit $$shown || exit $$made

test: .venv/ready ## the fast tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: .venv/ready ## the tests that take longer
	$(BIN)/python -m pytest -m slow

torture: .venv/ready ## break it many times, at random, and count (KILLS=20 LATE_KILLS=5 SIGNALS=10 DAMAGES=200 CIFAR_KILLS=0 ROW_KILLS=4 RAY_KILLS=0 TRACKING=1 INPUTS=20000 SEED=0 OUTPUT=file)
	$(BIN)/python tests/torture.py --kills $(KILLS) --late-kills $(LATE_KILLS) --signals $(SIGNALS) --damages $(DAMAGES) \
	  --cifar-kills $(CIFAR_KILLS) --row-kills $(ROW_KILLS) --ray-kills $(RAY_KILLS) --tracking $(TRACKING) --inputs $(INPUTS) --seed $(SEED) $(if $(OUTPUT),--output "$(OUTPUT)")

bench: .venv/ready ## measure: throughput side by side, fixed costs, settings, checkpoints, fused kernels (wants a quiet machine; ROUNDS=2 for a quick look)
	@mkdir -p benchmarks/results
	$(BIN)/python benchmarks/throughput.py $(if $(ROUNDS),--rounds $(ROUNDS)) --output benchmarks/results/throughput.md
	$(BIN)/python benchmarks/pipeline.py $(if $(ROUNDS),--rounds $(ROUNDS)) --output benchmarks/results/pipeline.md
	$(BIN)/python benchmarks/tuning.py $(if $(ROUNDS),--rounds $(ROUNDS)) --output benchmarks/results/tuning.md
	$(BIN)/python benchmarks/checkpoints.py --output benchmarks/results/checkpoints.md
	$(BIN)/python benchmarks/rows.py $(if $(ROUNDS),--rounds $(ROUNDS)) --output benchmarks/results/rows.md
	$(BIN)/python benchmarks/kernels.py

failures: .venv/ready ## make docs/reference/failures.md from its tests
	$(BIN)/python tests/test_failures.py

readme: .venv/ready ## write the tables of reports/ into the READMEs and docs/reference/results.md
	$(BIN)/python scripts/readme.py

schema: .venv/ready ## write what editors check params.yaml with, and the pages of parameters and commands
	$(BIN)/python scripts/schema.py

docs: .venv/docs ## make the documents a site, in site/; it works offline
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --conf-dir docs . site

docs-transcripts: .venv/ready ## run the commands of the transcripts in docs/ in a throwaway clone, and write down what they say (PAGES="docs/…": of these)
	$(BIN)/python scripts/transcripts.py $(PAGES)

screenshots: .venv/ready ## take the pictures of README.md; needs Chromium, and the quickstart made
	$(BIN)/python scripts/screenshots.py

check: .venv/ready ## lint, format, types, which room imports which, known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/audit.py requirements.lock

format: .venv/ready ## rewrite the sources in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/ready ## choose versions anew and pin them with their hashes in requirements.lock, cluster.lock and docs.lock
	$(COMPILE) --upgrade --output-file requirements.lock
	cp requirements.lock cluster.lock
	$(COMPILE) --group cluster --output-file cluster.lock
	cp requirements.lock docs.lock
	$(COMPILE) --group docs --output-file docs.lock

ui: .venv/ready ## print links into MLflow: table, curves, comparison; Ctrl-C ends it (PORT=5000, OPEN=1: open them in the browser)
	@$(BIN)/alexvgg ui --port $(PORT) $(if $(OPEN),--open)
