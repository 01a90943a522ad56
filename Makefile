# make build   a working .venv/bin/wild          make demo   link two programs and compare with the system's ld
# make test    lint and every test               make lint   style, types and source rules
# make test-tools   install what else the tests can use (Debian, Ubuntu)
# make bench   compare the speed of all installed linkers; bench-full takes an hour and 10 GB;
#              bench-incremental measures incremental links
# make clean   remove everything that was built
#
# WILD_BUILD=debug|profile|coverage|asan builds or tests a variant of its own: build/<variant>/bin/wild.
.DEFAULT_GOAL := build
.PHONY: build build-locked demo test test-tools test-asan asan fuzz mutants lint lint-tools format coverage clean bench bench-full bench-incremental

VARIANT := $(or $(WILD_BUILD),release)
# Not PYTHON: that is the interpreter that .venv is made with, if the environment names one.
VENV_PYTHON := .venv/bin/python
KERNEL_SOURCES := $(wildcard src/wild/*.c src/wild/kernels/*.py src/wild/kernels/*.h src/wild/*.pxd src/wild/*/*.pxd)
PACKAGE_SOURCES := $(wildcard src/wild/*.py src/wild/*/*.py)
JOBS := $(shell nproc)
PYTEST := $(VENV_PYTHON) -m pytest -n $(JOBS) $(PYTEST_ARGUMENTS)

# Two concurrent builds would write the same files; flock is part of every Debian and Ubuntu.
build:
	@mkdir -p build && flock build/lock $(MAKE) --no-print-directory build-locked

build-locked: build/$(VARIANT)/stamp
	@:

build/environment: pyproject.toml tools/environment.sh
	@echo "installing what the build needs into .venv"
	@sh tools/environment.sh
	@touch $@

# In place: a change of a Python file needs no build.
build/release/stamp: build/environment setup.py tools/launchers.py tools/launcher.sh $(KERNEL_SOURCES)
	@$(VENV_PYTHON) tools/launchers.py $(VENV_PYTHON) .venv/bin src
	@echo "translating and compiling the kernels that changed (all of them take a minute)"
	@$(VENV_PYTHON) setup.py -q build_ext --inplace
	@touch $@

# A copy of the package with kernels of its own.
build/%/stamp: build/environment setup.py tools/launchers.py tools/launcher.sh $(KERNEL_SOURCES) $(PACKAGE_SOURCES)
	@echo "translating and compiling the kernels that changed, as $*"
	@WILD_BUILD=$* $(VENV_PYTHON) setup.py -q build
	@$(VENV_PYTHON) tools/launchers.py $(VENV_PYTHON) build/$*/bin build/$*/lib $*
	@touch $@

# Corpora are built once, below ~/.cache/wild-bench; tables and charts go to bench/results.
bench: build
	$(VENV_PYTHON) bench/compare.py quick

bench-full: build
	$(VENV_PYTHON) bench/compare.py all

bench-incremental: build
	$(VENV_PYTHON) bench/incremental.py

demo: build
	@$(VENV_PYTHON) demo/demo.py

test: build lint-tools
	$(PYTEST)

test-tools:
	@sh tools/test_tools.sh

# Address and undefined-behaviour sanitizers see the kernels, in the tests' own process and in every link. They are
# preloaded into this process, and must not be into the compilers and programs that the tests start.
test-asan:
	$(MAKE) --no-print-directory build WILD_BUILD=asan
	WILD_TEST_LINKER=build/asan/bin/wild sh build/asan/bin/environment $(VENV_PYTHON) -c \
		'import os, sys, pytest; del os.environ["LD_PRELOAD"]; sys.exit(pytest.main(sys.argv[1:]))' \
		-o pythonpath=build/asan/lib $(PYTEST_ARGUMENTS)

# The programs whose comments are the test, all of them linked by the sanitized build.
asan:
	$(MAKE) --no-print-directory test-asan PYTEST_ARGUMENTS="tests/test_programs.py $(PYTEST_ARGUMENTS)"

# Coverage-guided fuzzing of every parser; SECONDS for each, TARGETS to choose (fuzz/fuzz.py --list).
SECONDS := 60
TARGETS := object shared script layout versions exports list ordering response expression dwarf view plugin rust
fuzz: build/environment
	@$(VENV_PYTHON) -m pip --disable-pip-version-check install --quiet "atheris>=2.3,<4"
	$(MAKE) --no-print-directory build WILD_BUILD=fuzz
	@for target in $(TARGETS); do \
		echo "== $$target"; \
		PYTHONPATH=build/fuzz/lib:fuzz sh build/fuzz/bin/environment \
			$(VENV_PYTHON) fuzz/fuzz.py $$target --seconds $(SECONDS) >build/fuzz/$$target.log 2>&1 \
			|| { tail -40 build/fuzz/$$target.log; exit 1; }; \
		grep -E '^#[0-9]+.*DONE' build/fuzz/$$target.log; \
	done

# Changes the policy modules and sees whether their tests notice; MODULES to choose, MUTANTS for a sample of each, as
# many as go into SECONDS for each.
MUTANTS := 0
mutants: build
	$(VENV_PYTHON) -m pip --disable-pip-version-check install --quiet "cosmic-ray>=8.3,<9"
	$(VENV_PYTHON) tools/mutants.py --seconds $(SECONDS) --sample $(MUTANTS) $(MODULES)

# Lines of policy and of kernels that the tests reach, in the tests' own process and in every link.
coverage:
	$(MAKE) --no-print-directory build WILD_BUILD=coverage
	rm -f build/coverage/data*
	-WILD_TEST_LINKER=build/coverage/bin/wild PYTHONPATH=build/coverage/lib \
		$(VENV_PYTHON) -m coverage run -m pytest -o pythonpath=build/coverage/lib $(PYTEST_ARGUMENTS)
	$(VENV_PYTHON) -m coverage combine -q
	$(VENV_PYTHON) -m coverage report --skip-covered

lint: build lint-tools
	$(VENV_PYTHON) -m pytest -q tests/test_source_rules.py

lint-tools: build
	$(VENV_PYTHON) -m ruff check
	$(VENV_PYTHON) -m ruff format --check
	$(VENV_PYTHON) -m mypy

format: build
	$(VENV_PYTHON) -m ruff check --fix
	$(VENV_PYTHON) -m ruff format

clean:
	rm -rf build .venv src/*.egg-info src/wild/gcc src/wild/kernels/*.so src/wild/kernels/*.c
