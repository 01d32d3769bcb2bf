# make setup         installs the missing Debian packages, checks that Swift is 6.3 or newer
# make build         builds the command line tool, .build/release/nas
# make demo          searches a small network on Fashion-MNIST, shows the frontier, exports the best
# make test          builds everything and runs all tests
# make fuzz          reads damaged files for a minute in all; NAS_FUZZ_SECONDS changes how long
# make lint          checks form and rules of the code
# make check-bundle  checks the network in best/ with code of its own, in Python
# make check-export  has onnxruntime, optuna-dashboard and TensorBoard open what nas exports
# make benchmark     measures nas and PyTorch at the same work; see Benchmarks/README.md
# make strategies-bench  compares the strategies on tables of known networks; less than a minute
# make compare       compares what the strategies find after retraining; an hour or more, and it can be
#                    stopped and continued; DATA and DATA_PATH say on which images
# make clean         removes what was built; results stay
#
# Everything is built in release mode: unoptimised kernels are too slow even for tests. Tests run one
# after the other, as each may use all cores.

nas := .build/release/nas
python := .build/python

.PHONY: build setup demo test fuzz lint check-bundle check-export benchmark strategies-bench compare clean

build: setup
	swift build -c release --product nas

setup:
	@Scripts/setup

demo: build
	$(nas) run searches/autoslim.yaml --db results.sqlite
	$(nas) pareto --db results.sqlite
	$(nas) export best --db results.sqlite -o best --force

test: setup
	swift build -c release --build-tests --explicit-target-dependency-import-check error
	swift test -c release --disable-xctest --skip-build --no-parallel

fuzz: setup
	swift build -c release --build-tests --explicit-target-dependency-import-check error
	NAS_FUZZ_SECONDS=$$(($${NAS_FUZZ_SECONDS:-60} / 4)) \
		swift test -c release --disable-xctest --skip-build --no-parallel --filter HostileTests

lint: setup
	@Scripts/lint

check-bundle: $(python)/ready
	$(python)/bin/python Scripts/check-bundle.py best

# Marked by a file of its own, so that a download that broke off is begun again.
$(python)/ready:
	python3 -m venv $(python)
	$(python)/bin/pip install --quiet --disable-pip-version-check numpy safetensors pyyaml
	touch $@

check-export: setup $(python)/ready-for-export
	swift build -c release --build-tests --explicit-target-dependency-import-check error
	Scripts/check-export $(python)/bin/python

$(python)/ready-for-export: $(python)/ready
	$(python)/bin/pip install --quiet --disable-pip-version-check \
		onnx onnxruntime optuna-dashboard tensorboard
	touch $@

benchmark: build
	Benchmarks/compare --no-build

strategies-bench: build
	Benchmarks/synthetic-table > .build/synthetic.csv
	$(nas) bench --charts Documentation --strategies searches/nas-bench-macro.yaml Benchmarks/synthetic.yaml

compare: build
	Scripts/compare-strategies $(nas) comparison

clean:
	swift package clean
