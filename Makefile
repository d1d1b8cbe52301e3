# Two commands do all the set-up on a machine with Python and make: `make demo` and `make test`.
# Everything they install lies in .uv/ and .venv/ of this folder.

UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
PYTHON := .venv/bin/python
READY := .venv/.ready
PYTHON_VERSION ?= >=3.12
export UV_LINK_MODE := copy
# Compiling a model's libraries takes ten seconds; once is enough.
unexport PYTHONDONTWRITEBYTECODE

# All cores; what a worker does not get to, an idle one takes.
PARALLEL := -n logical --dist worksteal

.PHONY: demo test test-slow test-extras coverage lint audit bench clean lock lock-upgrade

demo: $(READY)  ## watch a real model being observed (ARGS="--once --json" and the like are passed on)
	$(PYTHON) -m mllog demo --dir .mllog/demo $(ARGS)

test: $(READY)  ## the tests that need nothing but Python, on all cores
	$(PYTHON) -m pytest $(PARALLEL) -m "not slow" $(ARGS)

test-slow: $(READY)  ## the same places, what is long or starts many processes; with ruby, where it is
	$(PYTHON) -m pytest -m slow $(ARGS)

test-extras: $(READY)  ## every extra alone, each in an environment of its own from the wheel
	$(PYTHON) -m pytest tests/extras -m extras $(ARGS)

coverage: $(READY)  ## make test, and which lines and branches of mllog/ it reached
	$(PYTHON) -m pytest $(PARALLEL) -m "not slow" --cov --cov-report=term $(ARGS)

lint: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

audit: $(READY)  ## known vulnerabilities of what is locked; asks a vulnerability database, so it is no part of .ci/run
	.venv/bin/pip-audit --requirement requirements.lock --disable-pip --require-hashes

bench: $(READY)  ## mllog beside its peers, into docs/benchmarks.md; a quarter of an hour (ARGS="--quick" and the like)
	$(PYTHON) benchmarks/report.py $(ARGS)

clean:
	rm -rf .venv .uv .mllog .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage dist

COMPILE := pip compile --quiet pyproject.toml --all-extras --group dev --universal --generate-hashes --no-header

lock: | $(UV)  ## pins for every platform, with hashes and without the address of an index; those that hold stay
	$(UV) $(COMPILE) -o requirements.lock

lock-upgrade: | $(UV)  ## the same, all of them anew
	$(UV) $(COMPILE) --upgrade -o requirements.lock

$(READY): requirements.lock pyproject.toml | $(UV)
	$(UV) venv --quiet --allow-existing --python '$(PYTHON_VERSION)' .venv
	$(UV) pip sync --quiet --python $(PYTHON) --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(PYTHON) --no-deps --editable .
	@touch $@

# uv comes from the package registry; the first Python that really runs installs it (a version manager's
# stand-ins are on the path even where they lead nowhere).
.uv/bin/uv:
	@for python in python3 python3.14 python3.13 python3.12 /usr/bin/python3 python; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then \
			echo "installing uv into .uv"; \
			$$python -m venv .uv 2>/dev/null && .uv/bin/pip install --quiet uv && exit 0; \
			$$python -m pip install --quiet --target .uv/lib uv && mkdir -p .uv/bin && ln -sf ../lib/bin/uv $@ && exit 0; \
		fi; \
	done; echo "no Python with venv or pip was found; install Python 3.12 or later" >&2; exit 1
