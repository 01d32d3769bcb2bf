#!/usr/bin/env python3
"""Asks how far the outcome of a pruning depends on the seed.

    Benchmarks/gates.py searches/pruning-from-scratch.yaml [SEED ...]

Runs the search once with each seed and prints, for each budget, what share of its widest each layer
keeps, and the correlation of these shares between every two seeds.
"""

import itertools
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

NAS = pathlib.Path(__file__).resolve().parent.parent / ".build/release/nas"


def nas(*arguments):
    run = subprocess.run([NAS, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    return run.stdout


def main():
    search = pathlib.Path(sys.argv[1])
    seeds = [int(seed) for seed in sys.argv[2:]] or [1, 2, 3]
    widest = {
        decision["name"]: max(decision["choices"])
        for decision in json.loads(nas("explain", search, "--json"))["decisions"]
        if decision["name"].split(".")[-1] not in ("depth", "kernel")
    }
    shares = {}  # by budget, then seed
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            text = re.sub(r"^seed:.*", f"seed: {seed}", search.read_text(), flags=re.M)
            file = pathlib.Path(folder) / f"{seed}.yaml"
            file.write_text(text)
            database = f"{folder}/{seed}.sqlite"
            nas("run", file, "--db", database, "--quiet")
            for trial in json.loads(nas("pareto", "--db", database, "--json"))["unscored"]:
                for budget in trial["budgets"]:
                    shares.setdefault(budget, {})[seed] = [
                        trial["architecture"].get(name, 0) / most for name, most in widest.items()
                    ]
    for budget, by_seed in shares.items():
        print(budget)
        for place, name in enumerate(widest):
            kept = "  ".join(f"{by_seed[seed][place]:5.2f}" for seed in seeds)
            print(f"  {name:24}{kept}")
        for one, other in itertools.combinations(seeds, 2):
            correlation = statistics.correlation(by_seed[one], by_seed[other])
            print(f"  seeds {one} and {other}: correlation {correlation:.2f}")


main()
