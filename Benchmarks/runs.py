"""What the benchmarks share: the tool built, a process run under watch, figures as Markdown."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAS = ROOT / ".build" / "release" / "nas"
RESULTS = Path(__file__).resolve().parent / "results"
UNAVAILABLE = 69  # of sysexits: something needed is missing

# The precisions by their keys in the results, and what `nas bench` calls them.
PRECISIONS = {"f32": "float32", "bf16": "bfloat16"}


@dataclass
class Outcome:
    """What a run printed, or why it did not come to its end."""

    figures: dict = field(default_factory=dict)
    failure: str | None = None


def run(command, environment=None, silence=None, limit=None):
    """Runs a command that prints a line of JSON.

    It is killed after `limit` seconds, or when it has written nothing to standard error for
    `silence` seconds: then it hangs.
    """
    process = subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    heard = {"last": "the start", "at": time.monotonic(), "output": ""}
    lines = []

    def listen():
        for line in process.stderr:
            heard["last"], heard["at"] = line.strip(), time.monotonic()
            lines.append(line)

    def read():
        heard["output"] = process.stdout.read()

    threads = [threading.Thread(target=work, daemon=True) for work in (listen, read)]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    failure = None
    try:
        while process.poll() is None:
            time.sleep(0.05)
            now = time.monotonic()
            if silence and now - heard["at"] > silence:
                failure = f"hangs: silent for {silence:.0f} s after {heard['last']}"
            elif limit and now - begun > limit:
                failure = f"not done after {limit:.0f} s; came to {heard['last']}"
            if failure:
                break
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    for thread in threads:
        thread.join()
    if failure:
        return Outcome(failure=failure)
    if process.returncode != 0:
        return Outcome(failure=f"ended with {process.returncode}: {''.join(lines[-1:]).strip()}")
    try:
        return Outcome(json.loads(heard["output"]))
    except json.JSONDecodeError:
        return Outcome(failure="printed no figures")


def bench(*options, threads=None, limit=3600):
    """Runs `nas bench` with the options."""
    environment = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    return run([NAS, "bench", "--json", *options], environment, limit=limit)


def build():
    """Builds the tool as `make build` does."""
    if subprocess.run(["make", "--silent", "build"], cwd=ROOT, stdout=sys.stderr).returncode:
        give_up("nas does not build; its messages are above")


def precisions():
    """The keys of the precisions that this `nas` offers."""
    text = subprocess.run(
        [NAS, "bench", "--help"], capture_output=True, text=True, check=True).stdout
    return [key for key, name in PRECISIONS.items() if re.search(rf"\b{name}\b", text)]


def give_up(message):
    print(f"{Path(sys.argv[0]).name}: {message}", file=sys.stderr)
    sys.exit(UNAVAILABLE)


def tell(text):
    print(text, file=sys.stderr, flush=True)


def cores():
    return len(os.sched_getaffinity(0))


def processor_flags():
    match = re.search(r"^flags\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(), re.M)
    return set(match.group(1).split()) if match else set()


def machine():
    """The machine in a line, with what matters to kernels."""
    match = re.search(r"^model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(), re.M)
    order = ["avx2", "avx512f", "avx512_bf16", "amx_bf16"]
    features = [flag for flag in order if flag in processor_flags()]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") / (1 << 30)
    name = match.group(1) if match else "unknown"
    return f"{name}, {cores()} cores, {' '.join(features)}, {memory:.0f} GiB"


def warn_of_company():
    """Others at work on the machine would be measured too."""
    load = os.getloadavg()[0]
    if load > 0.5:
        tell(f"warning: the load is {load:.1f}; times taken on a busy machine mean little")


def table(headings, rows):
    """A table in Markdown; all columns but the first are numbers."""
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def number(value):
    """A number to three digits."""
    if value is None:
        return "–"
    for bound, decimals in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= bound:
            return f"{value:.{decimals}f}"
    return f"{value:.3f}"


def save(stem, extension, text):
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{stem}.{extension}"
    path.write_text(text)
    tell(f"wrote {path.relative_to(ROOT)}")
