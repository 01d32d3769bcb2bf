#!/usr/bin/env python3
"""Checks a bundle of `nas export` with none of the code that wrote it.

    Scripts/check-bundle.py best

The engine judges its own networks, so a mistake in how it counts, pads or normalises would agree
with itself. Here costs, hold-out and accuracy are worked out again from the bundle's files and the
images alone. Ends with 1 and a line for each disagreement.
"""

import argparse
import gzip
import json
import re
import sys
import tarfile
from fractions import Fraction
from pathlib import Path

import numpy
import yaml
from safetensors import SafetensorError
from safetensors.numpy import load_file

EPSILON = numpy.float32(1e-5)  # of batch normalisation; part of the format
BATCH = 250  # images computed together; keeps the largest maps of wide networks below 200 MB
WORD = (1 << 64) - 1  # the engine's arithmetic wraps at 64 bits, Python's does not


class Generator:
    """SplitMix64, begun as the engine begins it for one purpose of a study."""

    def __init__(self, seed, stream):
        purpose = 0xCBF29CE484222325  # FNV-1a
        for byte in stream.encode():
            purpose = (purpose ^ byte) * 0x100000001B3 & WORD
        self.state = seed
        self.state = self.next() ^ purpose
        self.state = self.next()  # the engine adds an index here, which is 0 for a hold-out
        self.state = self.next()

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & WORD
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & WORD
        z = (z ^ z >> 27) * 0x94D049BB133111EB & WORD
        return z ^ z >> 31

    def below(self, bound):
        """A number of 0..<bound by Lemire's method: the high word, unless it would be biased."""
        product = self.next() * bound
        while product & WORD < (1 << 64) % bound:
            product = self.next() * bound
        return product >> 64

    def shuffle(self, items):
        for last in range(len(items) - 1, 0, -1):
            chosen = self.below(last + 1)
            items[chosen], items[last] = items[last], items[chosen]


def fingerprint(words):
    state = 0xCBF29CE484222325
    for word in words:
        state = (state ^ word) * 0x9E3779B97F4A7C15 & WORD
        state ^= state >> 32
    return f"{state:016x}"


def hold_out_images(labels, count, seed):
    """The indices of the held-out images: each class gives its share, and they take turns."""
    members = [numpy.flatnonzero(labels == label).tolist() for label in range(labels.max() + 1)]
    shares = [count * len(images) // len(labels) for images in members]
    by_remainder = sorted(  # stable, so the lower class comes first among equals
        range(len(members)), key=lambda label: -(count * len(members[label]) % len(labels)))
    for label in by_remainder[: count - sum(shares)]:
        shares[label] += 1
    generator = Generator(seed, "hold-out")
    turns = []
    for label, (images, share) in enumerate(zip(members, shares)):
        generator.shuffle(images)
        for rank, image in enumerate(images[:share]):
            turns.append((Fraction(2 * rank + 1, share), label, image))
    return [image for _, _, image in sorted(turns)]


def read_idx(folder, name):
    """An array in the IDX format: magic number, dimensions, bytes."""
    paths = sorted(Path(folder).glob(f"{name}[-.]idx?-ubyte*"))
    if not paths:
        raise ValueError(f"{folder} holds no {name}")
    content = paths[0].read_bytes()
    content = gzip.decompress(content) if paths[0].suffix == ".gz" else content
    sizes = numpy.frombuffer(content, ">u4", count=content[3], offset=4)
    return numpy.frombuffer(content, "u1", offset=4 + 4 * len(sizes)).reshape(sizes)


def read_cifar(path):
    """Training images and labels of CIFAR-10 or CIFAR-100 in their binary layout."""
    def files():
        if path.is_file():
            with tarfile.open(path) as archive:
                for entry in archive:
                    if entry.isfile():
                        yield Path(entry.name).name, archive.extractfile(entry).read()
        else:
            for file in path.glob("**/*.bin"):
                yield file.name, file.read_bytes()

    training = re.compile(r"data_batch_\d\.bin|train\.bin")
    parts = {name: content for name, content in files() if training.fullmatch(name)}
    if not parts:
        raise ValueError(f"{path} holds neither IDX nor CIFAR's training images")
    size = 3074 if "train.bin" in parts else 3073  # coarse and fine label, or one
    records = numpy.concatenate(
        [numpy.frombuffer(parts[name], "u1").reshape(-1, size) for name in sorted(parts)])
    planes = records[:, -3072:].reshape(-1, 3, 32, 32)
    return planes.transpose(0, 2, 3, 1), records[:, -3073].astype(int)


def read_decoded(path):
    """Images and labels of the file in which `nas` keeps the decoded images of a folder."""
    _, _, height, width, channels, _, count, _, text, _ = numpy.fromfile(path, "<u8", 10, offset=8)
    shape = tuple(int(size) for size in (count, height, width, channels))
    pixels = numpy.memmap(path, "u1", "r", 128, shape)
    return pixels, numpy.fromfile(path, "<u2", shape[0], offset=128 + pixels.size).astype(int)


def read_training_images(path):
    """Pixels as [count, height, width, channels], and labels."""
    path = Path(path)
    if path.suffix == ".images":
        return read_decoded(path)
    if path.is_dir() and any(path.glob("train-images*")):
        return read_idx(path, "train-images")[..., numpy.newaxis], read_idx(path, "train-labels")
    return read_cifar(path)


def resolve(architecture):
    """Yields each layer with the names of the values that it reads: its source and its operand."""
    before = "image"
    for layer in architecture["layers"]:
        key = {"scale": "by", "concatenate": "with"}.get(layer["op"], "add")
        yield layer, layer.get("from", before), layer.get(key)
        before = layer["name"]


def modules(layer):
    """What a layer's arrays are called before the last dot: its weights', and its normalisation's."""
    return layer.get("weights", layer["name"]), layer.get("norm", layer["name"] + ".norm")


def recount(architecture):
    """MACs, parameters, and the arrays that the file of weights must hold, with their shapes."""
    macs = parameters = 0
    arrays = {}
    sizes = {"image": tuple(architecture["input"])}
    for layer, source, operand in resolve(architecture):
        name, (channels, height, width) = layer["name"], sizes[source]
        read = channels * height * width if layer["op"] == "linear" else channels
        if layer.get("in", read) != read:
            raise ValueError(f"'{name}' reads {read} channels, not {layer['in']}")
        trained, normalised, second = {}, 0, None  # a second value must have the shape `second`
        if layer["op"] == "convolution":
            height, width = ((side - 1) // layer["stride"] + 1 for side in (height, width))
            kernel, outputs = layer["kernel"], layer["out"]
            if channels % layer["groups"] or outputs % layer["groups"]:
                raise ValueError(f"'{name}' has {layer['groups']} groups of {channels} channels")
            trained["weight"] = (outputs, channels // layer["groups"], kernel, kernel)
            then, second = layer.get("then", "normalization"), (outputs, height, width)
            normalised = outputs if then == "normalization" else 0
            if then == "bias":
                trained["bias"] = (outputs,)
        elif layer["op"] == "normalization":
            normalised = channels
        elif layer["op"] == "activation":
            pass
        elif layer["op"] in ("max-pool", "average-pool"):
            height, width = (pooled(layer, side) for side in (height, width))
        elif layer["op"] == "scale":
            second = (channels, 1, 1)
        elif layer["op"] == "concatenate":
            second = (sizes[operand][0], height, width)
            channels += sizes[operand][0]
        elif layer["op"] == "global-average-pool":
            height = width = 1
        elif layer["op"] == "linear":
            height = width = 1
            trained["weight"], trained["bias"] = (layer["out"], read), (layer["out"],)
        else:
            raise ValueError(f"'{name}' is an unknown operation, '{layer['op']}'")
        sizes[name] = (layer.get("out", channels), height, width)
        if operand and sizes[operand] != second:
            raise ValueError(f"'{name}' takes a second value of shape {second}")
        module, norm = modules(layer)
        if normalised:
            for suffix in ("weight", "bias", "running_mean", "running_var"):
                arrays[f"{norm}.{suffix}"] = (normalised,)
            parameters += 2 * normalised  # the statistics are none
        if "weight" in trained:  # a weight is used once for every place of the output
            macs += numpy.prod(trained["weight"], dtype=int) * height * width
        parameters += sum(numpy.prod(shape, dtype=int) for shape in trained.values())
        arrays |= {f"{module}.{suffix}": shape for suffix, shape in trained.items()}
    if sizes[name] != (architecture["classes"], 1, 1):
        raise ValueError(f"the last layer gives {sizes[name]}, not a score for each class")
    return int(macs), int(parameters), arrays


def pooled(layer, side):
    """The side of a pooling's output; a window counts if it begins before the padding behind."""
    room = side + 2 * layer["padding"] - layer["kernel"]
    count = (-(-room // layer["stride"]) if layer.get("round") == "up" else
             room // layer["stride"]) + 1
    return count - ((count - 1) * layer["stride"] >= side + layer["padding"])


def pool(x, layer):
    """The maximum or mean of what lies on the map of each window."""
    edge, stride = layer["padding"], layer["stride"]
    rows, columns = (pooled(layer, side) for side in x.shape[1:3])
    y = numpy.empty((len(x), rows, columns, x.shape[3]), numpy.float32)
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride - edge, column * stride - edge
            window = x[:, max(0, top) : top + layer["kernel"], max(0, left) : left + layer["kernel"]]
            reduce = window.max if layer["op"] == "max-pool" else window.mean
            y[:, row, column] = reduce(axis=(1, 2))
    return y


def activate(x, activation):
    if activation == "swish":
        return x / (1 + numpy.exp(-x))
    if activation == "hard-swish":
        return x * numpy.clip(x + 3, 0, 6) / 6
    if activation == "sigmoid":
        return 1 / (1 + numpy.exp(-x))
    limits = {"none": (-numpy.inf, numpy.inf), "relu": (0, numpy.inf), "relu6": (0, 6)}
    return numpy.clip(x, *limits[activation])


def convolve(x, weight, layer):
    """A convolution as a sum of shifted copies of the image, one for each place of the kernel."""
    kernel, stride, edge = layer["kernel"], layer["stride"], layer["kernel"] // 2
    images, height, width, channels = x.shape
    rows, columns = (height - 1) // stride + 1, (width - 1) // stride + 1
    groups = layer["groups"]
    depthwise = groups == channels == layer["out"]
    padded = numpy.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    y = numpy.zeros((images * rows * columns, layer["out"]), numpy.float32)
    slices = [(slice(group * channels // groups, (group + 1) * channels // groups),
               slice(group * layer["out"] // groups, (group + 1) * layer["out"] // groups))
              for group in range(groups)]
    for dy in range(kernel):
        for dx in range(kernel):
            part = padded[:, dy : dy + stride * rows : stride, dx : dx + stride * columns : stride]
            part = part.reshape(-1, channels)
            if depthwise:
                y += part * weight[:, 0, dy, dx]
                continue
            for read, written in slices:
                y[:, written] += part[:, read] @ weight[written, :, dy, dx].T
    return y.reshape(images, rows, columns, -1)


def scores(architecture, weights, images):
    """What the network says of images of shape [count, height, width, channels]."""
    values = {"image": images}
    for layer, source, operand in resolve(architecture):
        name, op, x = layer["name"], layer["op"], values[source]
        module, norm = modules(layer)
        then = layer.get("then", "normalization") if op == "convolution" else op
        if op == "convolution":
            x = convolve(x, weights[f"{module}.weight"], layer)
        elif op in ("max-pool", "average-pool"):
            x = pool(x, layer)
        elif op == "global-average-pool":
            x = x.mean(axis=(1, 2), keepdims=True)
        elif op == "linear":  # reads channel by channel
            x = x.transpose(0, 3, 1, 2).reshape(len(x), 1, 1, -1) @ weights[f"{module}.weight"].T
            then = "bias"
        elif op == "scale":
            x = x * values[operand]
        elif op == "concatenate":
            x = numpy.concatenate((x, values[operand]), axis=3)
        if then == "bias":
            x = x + weights[f"{module}.bias"]
        elif then == "normalization":
            x = x - weights[f"{norm}.running_mean"]
            x *= weights[f"{norm}.weight"] / numpy.sqrt(weights[f"{norm}.running_var"] + EPSILON)
            x += weights[f"{norm}.bias"]
        if op == "convolution" and operand:  # comes before the activation
            x = x + values[operand]
        values[name] = activate(x, layer.get("activation", "none"))
    return values[name].reshape(len(images), -1)


def check(bundle, data, hold_out):
    """Prints each comparison; returns whether all agree."""
    architecture = yaml.safe_load((bundle / "architecture.yaml").read_text())
    weights = load_file(bundle / "weights.safetensors")
    report = json.loads((bundle / "report.json").read_text())
    agreed = True

    def compare(what, here, stated, agrees=None):
        nonlocal agreed
        agrees = here == stated if agrees is None else agrees
        agreed = agreed and agrees
        verdict = "agrees" if agrees else "DISAGREES"
        print(f"{verdict:10} {what}: {here} here, {stated} stated", flush=True)

    macs, parameters, arrays = recount(architecture)
    for file, said in (("architecture.yaml", architecture), ("report.json", report)):
        compare(f"MACs of {file}", macs, said["macs"])
        compare(f"parameters of {file}", parameters, said["params"])
    for name in sorted(arrays.keys() | weights.keys()):
        here, stated = arrays.get(name), weights[name].shape if name in weights else None
        if here != stated:
            compare(f"shape of {name}", here, stated)
    if not agreed:
        return False  # a network of other sizes cannot be computed, or is not the one described

    pixels, labels = read_training_images(data)
    count = hold_out or report["accuracy"]["images"]
    held_out = hold_out_images(labels, count, report["seed"])
    compare("images held out", count, report["accuracy"]["images"])
    compare("hold-out", fingerprint([len(labels) - count] + held_out), report["hold_out_hash"])
    if not agreed:
        return False  # other images have another accuracy, which would say nothing

    scale = report["preprocessing"]
    mean, deviation = numpy.float32(scale["mean"]), numpy.float32(scale["deviation"])
    correct = 0
    with numpy.errstate(all="ignore"):  # damaged weights may overflow; the accuracy tells
        for start in range(0, count, BATCH):
            batch = held_out[start : start + BATCH]
            images = pixels[batch].astype(numpy.float32) / 255
            answers = scores(architecture, weights, (images - mean) / deviation).argmax(axis=1)
            correct += int((answers == labels[batch]).sum())
    for network in ("bundle", "supernet"):
        accuracy = report["accuracy"][network]
        stated = round(accuracy * count)
        compare(f"images of {count} classified as by the {network}",
                f"{correct} ({correct / count})", f"{stated} ({accuracy})",
                agrees=abs(correct - stated) <= 1)  # the order of a float sum may turn a tie
    return agreed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, help="the folder that `nas export` wrote")
    parser.add_argument("data", nargs="?", default="/usr/share/datasets/fashion-mnist",
                        help="the study's data: a folder of IDX files or of CIFAR's, CIFAR's "
                        "archive, or the decoded images in .nas-cache (default: %(default)s)")
    parser.add_argument("--hold-out", type=int, metavar="COUNT",
                        help="how many images the study held out (default: what report.json says)")
    options = parser.parse_args()
    try:
        agreed = check(options.bundle, options.data, options.hold_out)
    except (OSError, ValueError, KeyError, SafetensorError, yaml.YAMLError) as error:
        sys.exit(f"check-bundle: {options.bundle} cannot be checked: {error!r}")
    if not agreed:
        sys.exit(f"check-bundle: {options.bundle} is not what it says")


if __name__ == "__main__":
    main()
