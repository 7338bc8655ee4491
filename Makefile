# `make demo` and `make test` do everything on a fresh machine with Python >= 3.11: each sets up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
GATE := .venv-gate
# Two BLAS threads at most: more threads than cores make small products slower.
export OPENBLAS_NUM_THREADS ?= 2

.PHONY: help demo test check lab notebooks check-notebooks lint types contracts doctest docs gate check-gate check-ptx check-ptx-short bank fuzz versions mutants course-check check-grading bench-cpu bench-overhead bench-simt bench-check bench-ptx bench-grading bench-course gpu-check gpu-bench clean
help:
	@echo "make demo       set up, then train a CNN on real handwritten digits and show every step"
	@echo "make test       set up, then run the tests (some 10 minutes on 2 cores)"
	@echo "make lab        open the course's notebooks in JupyterLab"
	@echo "make check      everything else: lint, types, import contracts, slow tests, documentation, notebooks, compile gate, fuzz, versions"
	@echo "make notebooks  execute the notebooks' sources and write the notebooks (N=07 for one)"
	@echo "make docs       the site: every page, picture and public name (docs/_build/html/index.html)"
	@echo "make gate       compile every CUDA kernel for three GPUs, without one, and hold it to its claims"
	@echo "make check-ptx  every op and rung, run compiled on the processor, against NumPy in float64 (the short half is in check)"
	@echo "make bank       the SIMT machine's bank of wrong and right kernels: both counts"
	@echo "make fuzz       damaged files through every loader (N=5000 SEED=7 for more, and others)"
	@echo "make versions   a short set of tests with the oldest packages supported, and with the newest"
	@echo "make mutants    plant faults in the packages, and list those that no test sees (N=100 SEED=7)"
	@echo "make course-check  the exercises' mutation table: every wrong solution, its stage and its sentence (N='13 24' for some)"
	@echo "make check-grading  exercises through the real nbgrader and otter, in an environment of their own"
	@echo "make bench-simt the SIMT machine beside Numba's simulator"
	@echo "make bench-check  how long minidl.check takes, in a fresh process and in a running one"
	@echo "make bench-grading  how long a class of 100 takes to grade (N=24, or several exercises)"
	@echo "make bench-course  how long a student waits for a verdict, over all exercises and their banks (N='13 24' for some)"
	@echo "make bench-ptx  compiled kernels on this processor beside the SIMT machine and NumPy"
	@echo "make bench-cpu  a training step of the CIFAR CNN beside PyTorch and Keras, on the CPU"
	@echo "make bench-overhead  what recording costs a training step when nobody records"
	@echo "make gpu-check  are the kernels right on this machine's GPU (GPU_PYTHON=python3: its own packages, nothing installed)"
	@echo "make gpu-bench  how fast they are there, beside PyTorch; writes docs/benchmarks and the ladders' READMEs"
	@echo "make clean      remove .venv and what was built"

# Each stamp is an environment with one more group of packages; pip itself is renewed first, for --group.
$(VENV)/.base: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "minidl needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(VENV)/.notebooks: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --editable ".[notebooks]"
	@touch $@

# NVIDIA's compilers, which run kernels compiled (docs/ptx.md); on macOS, for which there are none, nothing is installed.
$(VENV)/.ptx: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --editable ".[ptx]"
	@touch $@

$(VENV)/.docs: $(VENV)/.notebooks $(VENV)/.test
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

$(VENV)/.bench: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

demo: $(VENV)/.base
	$(BIN)/minidl demo --output demo_output

test: $(VENV)/.test
	$(BIN)/python -m pytest -m "not slow" -n 2 --cov --cov-report=term

check: lint types contracts doctest check-notebooks docs check-gate check-ptx-short fuzz versions
	$(BIN)/python -m pytest -m slow -n 2

lab: $(VENV)/.notebooks $(VENV)/.ptx
	$(BIN)/jupyter lab notebooks

notebooks: $(VENV)/.notebooks
	$(BIN)/python notebooks/build.py $(N)

check-notebooks: $(VENV)/.notebooks
	$(BIN)/python notebooks/build.py --check

course-check: $(VENV)/.base
	$(BIN)/python -m minidl.course.verify $(N)

# nbgrader and otter-grader bring half of Jupyter with them.
check-grading:
	$(PYTHON) -m venv .venv-grading
	.venv-grading/bin/python -m pip install --quiet --upgrade pip
	.venv-grading/bin/python -m pip install --quiet --editable . --group grading
	.venv-grading/bin/python -m pytest -q --noconftest -p no:cacheprovider tests/course/test_formats.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

doctest: $(VENV)/.test
	$(BIN)/python -m pytest --doctest-modules minidl cuda_kernels --doctest-glob="*.md" docs README.md README.zh.md \
	  --ignore=minidl/backend.py --ignore=minidl/preprocessing.py  # doors, each to a module that is read by its own name

# The site: pages and pictures are made, warnings are errors, then a browser clicks through it where there is one.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -b html -E -W --keep-going -q docs docs/_build/html
	$(BIN)/python -m pytest -q -m slow tests/docs
	@echo "the site: docs/_build/html/index.html"

bench-cpu: $(VENV)/.bench
	$(BIN)/python benchmarks/bench_cpu.py

bench-overhead: $(VENV)/.base
	$(BIN)/python benchmarks/bench_overhead.py

# NVIDIA's compilers are pinned, older than what the tests may use: an environment of their own.
$(GATE)/.ready: pyproject.toml Makefile
	$(PYTHON) -m venv $(GATE)
	$(GATE)/bin/python -m pip install --quiet --upgrade pip
	$(GATE)/bin/python -m pip install --quiet --editable . --group gate "pytest>=8" "pytest-xdist>=3.5"
	@touch $@

gate: $(GATE)/.ready
	$(GATE)/bin/python -m cuda_kernels.compile

# As gate, and the table in docs/kernels must be what was just compiled. The tests that need the compilers run here too:
# tests/conftest.py keeps them out of .venv.
check-gate: $(GATE)/.ready
	$(GATE)/bin/python -m cuda_kernels.compile --check
	$(GATE)/bin/python -m pytest -q --noconftest -p no:cacheprovider -m "slow or not slow" \
	  tests/cuda_kernels/test_compile_gate.py tests/cuda_kernels/simt/test_compiles_simt.py \
	  tests/cuda_kernels/test_refusals.py tests/cuda_kernels/ptx/test_compiled_kernels.py \
	  tests/cuda_kernels/ptx/test_races.py tests/cuda_kernels/ptx/test_bad_input_ptx.py \
	  tests/cuda_kernels/ptx/test_lines_words_trace.py tests/lens/test_lens_ptx.py tests/backends/test_ptx.py \
	  tests/course/test_course_elsewhere.py

# What `make check` has time for when every kernel must be compiled first: one case of every op by its default rungs, and the
# other rungs but for the convolutions' and the tensor cores'. Those, integers and edge shapes: check-ptx.
check-ptx-short: $(GATE)/.ready
	$(GATE)/bin/python -m pytest -q --noconftest -p no:cacheprovider -m "slow or not slow" -n 2 \
	  -k "ptx and (first or every_rung and not conv2d and not r8_ and not r9_ and not r10_)" \
	  tests/backends/test_device_ops.py tests/backends/test_device_rungs.py

# Every op by every rung, forward and backward, run compiled: with empty caches some 1,100 kernels are compiled first.
check-ptx: $(GATE)/.ready
	$(GATE)/bin/python -m pytest -q --noconftest -p no:cacheprovider -m "slow or not slow" -n 2 -k ptx \
	  tests/backends/test_device_ops.py tests/backends/test_device_rungs.py tests/backends/test_edge_shapes.py

bank: $(VENV)/.base
	$(BIN)/python -m tests.bank

# Damaged and hostile files through every loader: N of each kind.
fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz.files --count $(or $(N),60) --seed $(or $(SEED),0)

# The lowest Python with every floor, and the newest Python with the newest packages: .venv-low, .venv-new.
versions:
	$(PYTHON) -m tests.versions

# Single-place faults, one at a time in a copy of the tree. The first run records which tests run which lines.
mutants: $(VENV)/.test
	$(BIN)/python -m tests.mutants --count $(or $(N),100) --seed $(or $(SEED),0)

bench-simt: $(VENV)/.base
	$(BIN)/python benchmarks/bench_simt.py

bench-check: $(VENV)/.base
	$(BIN)/python benchmarks/bench_check.py

bench-course: $(VENV)/.base
	$(BIN)/python benchmarks/bench_course.py $(N)

bench-grading: $(VENV)/.base
	$(BIN)/python benchmarks/bench_grading.py $(or $(N),24)

bench-ptx: $(VENV)/.ptx
	$(BIN)/python benchmarks/bench_ptx.py

# A machine with a GPU has its own Python packages, and perhaps no network: nothing is installed, the tree is the package.
GPU_PYTHON ?= python3

gpu-check:
	PYTHONPATH="$(CURDIR)$${PYTHONPATH:+:$$PYTHONPATH}" $(GPU_PYTHON) -m benchmarks.gpu.check $(GPU_FLAGS)

gpu-bench:
	PYTHONPATH="$(CURDIR)$${PYTHONPATH:+:$$PYTHONPATH}" $(GPU_PYTHON) -m benchmarks.gpu.bench $(GPU_FLAGS)

clean:
	rm -rf $(VENV) $(GATE) .venv-grading .venv-low .venv-new .mutants docs/_build demo_output lens_output build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
