# Two commands for everyone, `make up` and `make test`; three more for developers. Each sets up what is missing first.
SHELL := bash
BIN := .venv/bin
DATABASE := embedded
ARGS :=
AT_ONCE := 2

.PHONY: up test check bench prove lock

up:        ## run the demo: database, broker and all processes (DATABASE=timescale: on a real local TimescaleDB)
	@deploy/setup up $(DATABASE)
	$(BIN)/wardlight up --demo --database $(DATABASE) $(ARGS)

test:      ## run all tests, on plain PostgreSQL and on TimescaleDB (ARGS="-k word" for some)
	@deploy/setup test
	$(BIN)/python -m pytest -n $(AT_ONCE) --dist loadfile $(ARGS)

check:     ## lint, formatting, types, and who may import whom
	@deploy/setup check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench:     ## measure, and write benchmarks/latest.json
	@deploy/setup up
	$(BIN)/python -m benchmarks $(ARGS)

prove:     ## the long form of every proof, with its progress and seed
	@deploy/setup test
	PROVE=1 $(BIN)/python -m pytest -m proof -s $(ARGS)

lock:      ## choose the newest versions that resolve together, and write the locks
	deploy/lock
