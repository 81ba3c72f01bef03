# `make lab` to read the course, `make test` to check it. Every target sets up what it needs first.
PYTHON ?= python3
LAB_ARGS ?=
DATA ?=
PARAMETERS ?=
FOLDER ?=
PLATFORM ?=
RUN ?=
# Of the notebooks that `make lab` opens, and of JupyterLab as far as its language pack goes.
LANGUAGE ?= en
# Defaults of JupyterLab, which a user's own settings overrule: its language.
IN_CHINESE = --LabApp.app_settings_dir=locale/zh_TW/jupyterlab
SHOWN = $(if $(filter zh-TW,$(LANGUAGE)),notebooks/zh-TW,notebooks)
BIN := .venv/bin
# What asks in JupyterLab whether to fetch news, and looks for updates.
NEWS := @jupyterlab/apputils-extension:announcements
.DEFAULT_GOAL := help
.PHONY: help setup lab project check test times course outputs slides translate nano record bench lock newest audit sbom ready stick grade clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready  ## build .venv, fetch the model, build the dataset (the other targets do this themselves)

# The stamp is the last thing written, so an interrupted setup is taken up again by the next call.
.venv/ready: requirements.txt requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'This course needs Python 3.11 or newer: pass one with make PYTHON=python3.12.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(PYTHON) -m tools.debian python3-venv || \
	  { echo 'This Python cannot build environments: on Debian and Ubuntu, apt-get install python3-venv.' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@echo 'Installing the packages of requirements.lock, which takes a few minutes the first time ...'
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --requirement requirements.txt --editable .
	$(BIN)/jupyter labextension disable "$(NEWS)" 2>/dev/null
	$(BIN)/python -m helpers.model
	$(BIN)/python -m helpers.dataset
	@touch $@

lab: setup  ## open the course in JupyterLab (LAB_ARGS="--no-browser --port 8890"; LANGUAGE=zh-TW for 繁體中文)
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/$(SHOWN) $(if $(filter zh-TW,$(LANGUAGE)),$(IN_CHINESE)) $(LAB_ARGS)

check: setup  ## lint, quick tests, every notebook on the nano model (about 5 min on 2 cores)
	@$(BIN)/python -m tools.stages check

test: setup  ## lint, all tests, every stored output compared, every notebook in a browser (an hour or more on 2 cores; make times shows where they go)
	@$(BIN)/python -m tools.stages test

times: setup  ## where the minutes of the last check or test went
	@$(BIN)/python -m tools.times

# A path in DATA is seen from here, and the notebook runs in its own folder.
project: setup  ## take a file of yours through notebook 11: make project DATA=my.csv PARAMETERS="-p model_name nano"
	@test -f "$(DATA)" || { echo 'There is no file "$(DATA)": call make project DATA=my.csv with the path of yours.' >&2; exit 2; }
	@mkdir -p outputs
	$(BIN)/papermill notebooks/11_your_own_project.ipynb outputs/my_project.ipynb -p data_path "$(abspath $(DATA))" $(PARAMETERS)

course: setup  ## run every notebook with its default parameters into executed/
	$(BIN)/python -m tools.course run

outputs: setup  ## run every notebook in place, to refresh its stored outputs
	$(BIN)/python -m tools.course outputs

slides: setup  ## write the notebooks as slides into outputs/slides, pages that need no network
	$(BIN)/python -m tools.slides pages

translate: setup  ## bring the catalogues of locale/ up to date and build the Chinese notebooks from them
	$(BIN)/python -m tools.translate

nano: setup  ## build data/nano and data/nano-zh-TW again
	$(BIN)/python -m tools.nano

record: setup  ## record runs, benchmark and fine-tuned models again (nine hours); goes on where it was stopped
	KINETO_LOG_LEVEL=99 $(BIN)/python -m tools.runs

bench: setup  ## measure where a training step's time goes on this machine (less than an hour)
	KINETO_LOG_LEVEL=99 $(BIN)/python -m tools.bench  # PyTorch's profiler would report on itself

lock: setup  ## write requirements.lock from requirements.txt
	$(BIN)/python -m tools.lock

newest: setup  ## test the notebooks' keywords on the newest TRL and transformers, in an environment that is thrown away
	$(BIN)/python -m tools.newest

audit: setup  ## ask a database of known vulnerabilities about each package of requirements.lock, and about PyTorch
	@mkdir -p outputs
	@{ grep '==' requirements.lock | tr -d '\\'; grep '^torch==' requirements.txt; } > outputs/pins.txt
	$(BIN)/uv tool run pip-audit@2.10.1 --strict --no-deps --disable-pip --requirement outputs/pins.txt

sbom: setup  ## list what is installed, with versions and licences, in outputs/sbom.json (CycloneDX)
	@mkdir -p outputs
	$(BIN)/uv tool run --from cyclonedx-bom==7.5.0 cyclonedx-py environment --output-file outputs/sbom.json .venv

# For instructors. It must run where nothing is installed yet, so it needs no setup.
ready:  ## whether this machine can hold a class, and what to do about what is missing
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m tools.ready; else $(PYTHON) -m tools.ready; fi

stick: setup  ## a FOLDER that installs the course without network; PLATFORM=windows, macos or linux adds their wheels
	@test -n "$(FOLDER)" || { echo 'Call make stick FOLDER=/media/stick, a folder on a disk with 5 GB free.' >&2; exit 2; }
	@$(BIN)/python -m tools.stick "$(FOLDER)" --platform "$(PLATFORM)"

grade: setup  ## who solved what in FOLDER, with a folder for each student; RUN=1 runs their code again
	@test -n "$(FOLDER)" || { echo 'Call make grade FOLDER=handed_in, a folder with one folder for each student.' >&2; exit 2; }
	@$(BIN)/python -m tools.grade "$(FOLDER)" $(if $(RUN),--run)

clean:  ## remove the environment and what runs leave; the model's cache stays
	rm -rf .venv executed outputs checkpoints .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +
