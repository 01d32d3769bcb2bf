#!/usr/bin/env python3
"""Opens what `nas export` writes with the programs that it is written for.

    Scripts/check-export.py FOLDER

FOLDER is what `make check-export` left: `samples/`, a network of every family with our answers;
`best/` and `best-bytes/`, bundles of a searched network; `trials.csv`, `trials.db` and
`tensorboard/`, its study. onnx checks the models, onnxruntime computes them, optuna-dashboard and
TensorBoard read the trials. Ends with 1 and a line for each disagreement.
"""

import argparse
import csv
import importlib.util
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy
import onnx
import onnxruntime
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TOLERANCE = 1e-4  # of a logit, absolute
problems = 0


def expect(agrees, what):
    """Prints what was compared, and counts what disagrees."""
    global problems
    problems += not agrees
    print(f"{'agrees' if agrees else 'DISAGREES':10} {what}", flush=True)


def load(path):
    """Checks a model in full mode, then gives it to onnxruntime."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    stamp = (model.ir_version, [(entry.domain, entry.version) for entry in model.opset_import])
    if stamp != (8, [("", 17)]):
        raise ValueError(f"{path} is of IR version and opsets {stamp}")
    # Inference finds every shape by itself; ours must be the same, and none may be missing.
    stated = {info.name: shape(info) for info in model.graph.value_info}
    del model.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for info in inferred.graph.value_info:
        if stated.get(info.name) != shape(info):
            raise ValueError(f"{path}: {info.name} is {shape(info)}, not {stated.get(info.name)}")
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def shape(info):
    return [side.dim_param or side.dim_value for side in info.type.tensor_type.shape.dim]


def run(session, images):
    return session.run(["logits"], {"image": images})[0]


def check_sample(folder):
    """One network in three forms, each with a batch of 64 and one by one."""
    answers = load_file(folder / "answers.safetensors")
    images, pixels = (answers[key].transpose(0, 3, 1, 2) for key in ("images", "pixels"))
    for way in ("folded", "kept", "bytes"):
        session = load(folder / f"{way}.onnx")
        given = numpy.ascontiguousarray(pixels.astype("uint8") if way == "bytes" else images)
        logits = run(session, given)
        single = numpy.concatenate([run(session, given[index : index + 1]) for index in range(4)])
        difference = max(abs(logits - answers["logits"]).max(), abs(single - logits[:4]).max())
        same = (logits.argmax(axis=1) == answers["logits"].argmax(axis=1)).all()
        expect(difference <= TOLERANCE and same, f"{folder.name}, {way}: logits to {difference:.1e}")


def check_bundle(bundle, data):
    """A searched network on the hold-out, and the program in its README."""
    path = Path(__file__).with_name("check-bundle.py")
    specification = importlib.util.spec_from_file_location("check_bundle", path)
    tools = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tools)

    report = json.loads((bundle / "report.json").read_text())
    session = load(bundle / "model.onnx")
    words = session.get_modelmeta().custom_metadata_map
    expect(words["nas.architecture"] == (bundle / "architecture.yaml").read_text()
           and int(words["nas.trial"]) == report["trial"], f"metadata of {bundle.name}")
    pixels, labels = tools.read_idx(data, "train-images"), tools.read_idx(data, "train-labels")
    held_out = tools.hold_out_images(labels, report["accuracy"]["images"], report["seed"])
    images = pixels[held_out][:, numpy.newaxis]
    if report["onnx"]["input"] == "float32":
        scale = report["preprocessing"]
        mean, deviation = (numpy.reshape(scale[key], (-1, 1, 1)) for key in ("mean", "deviation"))
        images = ((images / 255 - mean) / deviation).astype("float32")
    correct = int((run(session, images).argmax(axis=1) == labels[held_out]).sum())
    stated = report["accuracy"]["onnx"] * len(held_out)
    expect(correct == round(stated), f"{bundle.name}: {correct} of {len(held_out)} by onnxruntime")

    program = re.search(r"```python\n(.*?)```", (bundle / "README.md").read_text(), re.DOTALL)[1]
    ran = subprocess.run([sys.executable, "-c", program], cwd=bundle, capture_output=True, text=True)
    expect(ran.returncode == 0 and re.fullmatch(r"classes: \[\d+\]\n", ran.stdout),
           f"the program in the README of {bundle.name}: {ran.stdout.strip() or ran.stderr}")


def check_dashboard(database, rows):
    """optuna-dashboard serves the study, and its API has all trials."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [Path(sys.executable).with_name("optuna-dashboard"), f"sqlite:///{database}",
         "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def get(path):
            address = f"http://127.0.0.1:{port}/api/{path}"
            with urllib.request.urlopen(address, timeout=30) as answer:
                return json.load(answer)

        for _ in range(300):
            try:
                studies = get("studies")["study_summaries"]
                break
            except OSError:
                if server.poll() is not None:
                    raise
                time.sleep(0.2)
        else:
            raise TimeoutError("optuna-dashboard does not answer")
        study = get(f"studies/{studies[0]['study_id']}")
        trials = study["trials"]
        expect(len(studies) == 1 and len(trials) == len(rows),
               f"optuna-dashboard: {len(trials)} trials of study {studies[0]['study_name']}")
        found = {trial["number"] + 1: trial["values"] for trial in trials}
        expect(all([float(row["accuracy"]), float(row["macs"])] == found[int(row["trial"])]
                   for row in rows if row["accuracy"]), "optuna-dashboard: accuracies and MACs")
    finally:
        server.terminate()
        server.wait()


def check_tensorboard(folder, rows):
    curve = EventAccumulator(str(folder / "supernet"))
    curve.Reload()
    losses = curve.Scalars("loss")
    expect(len(losses) > 5 and losses[-1].value < losses[0].value,
           f"TensorBoard: a curve of {len(losses)} losses")
    accuracies = {int(row["trial"]): float(row["accuracy"]) for row in rows if row["accuracy"]}
    trials = sorted((folder / "trials").iterdir())
    agreed = 0
    for trial in trials:
        events = EventAccumulator(str(trial))
        events.Reload()
        plugin = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.plugin_name
        value = events.Scalars("accuracy")[0].value
        agreed += plugin == "hparams" and abs(value - accuracies[int(trial.name)]) < 1e-6
    expect(agreed == len(trials) == min(300, len(accuracies)), f"TensorBoard: {agreed} trials")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", nargs="?", default="/usr/share/datasets/fashion-mnist",
                        help="the folder of the study's IDX files (default: %(default)s)")
    options = parser.parse_args()
    for sample in sorted((options.folder / "samples").iterdir()):
        check_sample(sample)
    for bundle in ("best", "best-bytes"):
        check_bundle(options.folder / bundle, options.data)
    with open(options.folder / "trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    check_dashboard((options.folder / "trials.db").resolve(), rows)
    check_tensorboard(options.folder / "tensorboard", rows)
    if problems:
        sys.exit(f"check-export: {problems} of these disagree")


if __name__ == "__main__":
    main()
