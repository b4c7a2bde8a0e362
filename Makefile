# make demo: set up and walk the road from simulated raw files to scores and pictures. make test: set up and run every check.
# make site: build the site of docs/, in site/. make lock: write the newest release of each package into the lists with hashes.
# make audit: look for known vulnerabilities.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

LOCKED = .ci/lock/requirements.txt
EXPORT = $(BIN)/uv export --project .ci/lock --quiet --format requirements-txt --no-emit-local --no-annotate --no-header

.PHONY: demo test site lock audit clean

demo: $(VENV)/installed
	$(BIN)/sciml demo --out demo

# Each of the two workers of the tests has a core: several threads would only wait for each other.
test: export OMP_NUM_THREADS = 1
test: export TF_NUM_INTRAOP_THREADS = 1
test: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder

site: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -d $(VENV)/doctrees docs site

lock: $(VENV)/installed
	$(BIN)/python -m pip install --quiet uv
	$(EXPORT) --upgrade --group test --output-file $(LOCKED) > /dev/null
	$(EXPORT) --frozen --only-group site --output-file .ci/lock/site.txt > /dev/null
	$(EXPORT) --frozen --no-default-groups --output-file examples/results-repository/.github/requirements.txt > /dev/null

audit: $(VENV)/installed
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement $(LOCKED)

clean:
	rm -rf $(VENV) demo site

$(VENV)/installed: pyproject.toml
	@echo "Installing into $(VENV): 3 GB, most of it TensorFlow; this takes some minutes and prints nothing"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[test,mpi,beam]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@
