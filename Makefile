# make setup   installs the Debian packages that are missing, and checks that Swift is 6.3 or newer
# make build   builds the command line tool, .build/release/nas
# make demo    searches a small network on Fashion-MNIST, shows the frontier, exports the best
# make test    builds everything and runs all tests
# make lint    checks form and rules of the code
# make clean   removes what was built; results stay
#
# Everything is built in release mode: unoptimised kernels are too slow even for tests. Tests run one
# after the other, as each may use all cores.

nas := .build/release/nas

.PHONY: build setup demo test lint clean

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

lint: setup
	@Scripts/lint

clean:
	swift package clean
