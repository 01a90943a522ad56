# make build   a working .venv/bin/wild          make demo   link two programs and show the times
# make test    lint and all tests                make lint   style and source rules
# WILD_BUILD=debug|profile|coverage|asan make build   the same under build/<variant>/
.DEFAULT_GOAL := build
.PHONY: build build-locked clean

PYTHON := .venv/bin/python
VARIANT := $(or $(WILD_BUILD),release)
KERNEL_SOURCES := $(wildcard src/wild/kernels/*.py src/wild/*.pxd src/wild/*/*.pxd)

# Two concurrent builds would write the same files; flock is part of every Debian and Ubuntu.
build:
	@mkdir -p build && flock build/lock $(MAKE) --no-print-directory build-locked

build-locked: build/$(VARIANT)/stamp

build/environment: pyproject.toml tools/environment.sh
	sh tools/environment.sh
	@touch $@

build/release/stamp: build/environment setup.py tools/launchers.py $(KERNEL_SOURCES)
	$(PYTHON) tools/launchers.py $(PYTHON) .venv/bin src
	$(PYTHON) setup.py -q build_ext --inplace
	@touch $@

clean:
	rm -rf build .venv src/*.egg-info src/wild/gcc src/wild/kernels/*.so src/wild/kernels/*.c
