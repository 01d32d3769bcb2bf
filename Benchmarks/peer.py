#!/usr/bin/env python3
"""The work of `nas bench` in PyTorch, on the processor.

    Benchmarks/peer.py --net resnet20 --precision f32 --layout channels-last --greedy

Prints a line of JSON with the same keys. The networks, the subnets drawn and what is timed are the
same, which the sums of multiply-adds in the results bear witness to:

- A step trains largest, smallest and two random subnets on one batch: the largest by the labels, the
  others by what it answers; then SGD with Nesterov's momentum.
- A candidate: statistics of BatchNorm over 1,024 images, 2,048 classified. Median of three.
- A greedy step: each width in turn a notch narrower, 1,024 images with the batch's own statistics.

Each part that is done is told on standard error, so that whoever waits knows a hang from a long run.

A subnet reads the first channels of the supernet's arrays, as views. PyTorch draws its pixels anew
for each network and keeps them ready; nas makes every batch from bytes, and that is in its times.
"""

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

WORD = (1 << 64) - 1
SEED = 1
CLASSES = 10
SIDE = 32


class Generator:
    """SplitMix64, begun as `SeededGenerator` begins it for one purpose."""

    def __init__(self, stream, index):
        purpose = 0xCBF29CE484222325  # FNV-1a
        for byte in stream.encode():
            purpose = (purpose ^ byte) * 0x100000001B3 & WORD
        self.state = SEED
        self.state = self.next() ^ purpose
        self.state = self.next() + index & WORD
        self.state = self.next()

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & WORD
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & WORD
        z = (z ^ z >> 27) * 0x94D049BB133111EB & WORD
        return z ^ z >> 31

    def below(self, bound):
        """Lemire's method, as in Swift's `Int.random(in:using:)`."""
        product = self.next() * bound
        while product & WORD < (1 << 64) % bound:
            product = self.next() * bound
        return product >> 64


class SlimConv(nn.Module):
    """Convolution and BatchNorm of which any first channels can be used."""

    def __init__(self, inputs, outputs, kernel, stride=1, depthwise=False):
        super().__init__()
        self.stride, self.padding, self.depthwise = stride, kernel // 2, depthwise
        self.weight = nn.Parameter(torch.empty(outputs, 1 if depthwise else inputs, kernel, kernel))
        nn.init.normal_(self.weight, std=(2 / (kernel * kernel * outputs)) ** 0.5)
        self.scale = nn.Parameter(torch.ones(outputs))
        self.shift = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("variance", torch.ones(outputs))
        self.macs = 0

    def forward(self, x, outputs):
        inputs = x.shape[1]
        weight = self.weight[:outputs] if self.depthwise else self.weight[:outputs, :inputs]
        groups = inputs if self.depthwise else 1
        y = F.conv2d(x, weight, None, self.stride, self.padding, groups=groups)
        self.macs = weight.numel() * y.shape[2] * y.shape[3]
        return F.batch_norm(
            y, self.mean[:outputs], self.variance[:outputs], self.scale[:outputs],
            self.shift[:outputs], self.training, 0.1, 1e-5)


class SlimNet(nn.Module):
    """A network with a list of widths; `forward(x, widths)` computes the subnet of these widths."""

    def __init__(self):
        super().__init__()
        self.widest = []  # in the order of the decisions of nas

    def group(self, width):
        self.widest.append(width)
        return len(self.widest) - 1

    def finish(self, features, group):
        """Adds the classifier, which reads the features of a group."""
        self.last = group
        self.classifier = nn.Linear(features, CLASSES)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def classify(self, x):
        x = x.mean((2, 3))
        return F.linear(x, self.classifier.weight[:, : x.shape[1]], self.classifier.bias)


class ResNet(SlimNet):
    def __init__(self, layers):
        super().__init__()
        self.stem = SlimConv(3, 16, 3)
        stream, before = self.group(16), 16
        self.blocks, self.plan = nn.ModuleList(), []
        for width, stride in ((16, 1), (32, 2), (64, 2)):
            for block in range((layers - 2) // 6):
                first = block == 0 and stride == 2
                inner = self.group(width)
                if first:
                    stream = self.group(width)
                parts = {
                    "conv1": SlimConv(before, width, 3, stride if first else 1),
                    "conv2": SlimConv(width, width, 3),
                }
                if first:
                    parts["shortcut"] = SlimConv(before, width, 1, stride)
                self.blocks.append(nn.ModuleDict(parts))
                self.plan.append((inner, stream))
                before = width
        self.finish(64, stream)

    def forward(self, x, widths):
        x = F.relu(self.stem(x, widths[0]))
        for block, (inner, stream) in zip(self.blocks, self.plan):
            y = block["conv2"](F.relu(block["conv1"](x, widths[inner])), widths[stream])
            x = F.relu(y + (block["shortcut"](x, widths[stream]) if "shortcut" in block else x))
        return self.classify(x)


class MobileNetV2(SlimNet):
    # Expansion, channels, repetitions, stride.
    STAGES = (
        (1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    )

    def __init__(self):
        super().__init__()
        self.stem = SlimConv(3, 32, 3)
        stream, before = self.group(32), 32
        self.blocks, self.plan = nn.ModuleList(), []
        for expansion, width, count, stride in self.STAGES:
            for block in range(count):
                wide = expansion * before
                inner = stream if expansion == 1 else self.group(wide)
                if block == 0:
                    stream = self.group(width)
                parts = {
                    "depthwise": SlimConv(wide, wide, 3, stride if block == 0 else 1, True),
                    "project": SlimConv(wide, width, 1),
                }
                if expansion != 1:
                    parts["expand"] = SlimConv(before, wide, 1)
                self.blocks.append(nn.ModuleDict(parts))
                self.plan.append((inner, stream, block > 0))
                before = width
        self.head = SlimConv(320, 1280, 1)
        self.finish(1280, self.group(1280))

    def forward(self, x, widths):
        x = F.relu6(self.stem(x, widths[0]))
        for block, (inner, stream, adds) in zip(self.blocks, self.plan):
            y = F.relu6(block["expand"](x, widths[inner])) if "expand" in block else x
            y = F.relu6(block["depthwise"](y, widths[inner]))
            y = block["project"](y, widths[stream])
            x = x + y if adds else y
        return self.classify(F.relu6(self.head(x, widths[self.last])))


def least(width):
    return max(4, width // 4 // 4 * 4)


def narrower(width):
    return width - max(4, width // 12 // 4 * 4)


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.bf16 = arguments.precision == "bf16"
        torch.manual_seed(SEED)
        self.format = (
            torch.channels_last if arguments.layout == "channels-last" else torch.contiguous_format)
        batch = arguments.batch
        self.images = torch.randn(batch, 3, SIDE, SIDE).contiguous(memory_format=self.format)
        self.labels = torch.randint(0, CLASSES, (batch,))
        self.batches = lambda images: (images + batch - 1) // batch

    def build(self):
        name = self.arguments.net
        self.net = MobileNetV2() if name == "mobilenet_v2" else ResNet(int(name[len("resnet"):]))
        self.net = self.net.to(memory_format=self.format)
        self.widest = self.net.widest
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def draw(self, generator):
        return [
            choices[generator.below(len(choices))]
            for choices in (range(least(width), width + 1, 4) for width in self.widest)
        ]

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bf16)

    def subnets(self, step):
        generator = Generator("subnets", step)
        smallest = [least(width) for width in self.widest]
        return [self.widest, smallest, self.draw(generator), self.draw(generator)]

    def step(self, number):
        self.optimizer.zero_grad(set_to_none=True)
        largest, *others = self.subnets(number)
        with self.autocast():
            answer = self.net(self.images, largest)
            F.cross_entropy(answer.float(), self.labels).backward()
            teacher = answer.detach().float().softmax(1)
            for widths in others:
                F.cross_entropy(self.net(self.images, widths).float(), teacher).backward()
        self.optimizer.step()

    def score(self, widths, images, calibration):
        """With no calibration the images are normalised by their batch's own statistics."""
        with torch.no_grad(), self.autocast():
            self.net.train()
            for _ in range(self.batches(calibration)):
                self.net(self.images, widths)
            self.net.train(calibration == 0)
            for _ in range(self.batches(images)):
                self.net(self.images, widths)

    def macs(self, widths):
        """The multiply-adds of convolutions and the classifier for one image."""
        total = 0

        def count(layer, _, __):
            nonlocal total
            total += layer.macs

        layers = [layer for layer in self.net.modules() if isinstance(layer, SlimConv)]
        hooks = [layer.register_forward_hook(count) for layer in layers]
        with torch.no_grad():
            self.net.eval()
            self.net(self.images[:1], widths)
        for hook in hooks:
            hook.remove()
        return total + widths[self.net.last] * CLASSES

    def run(self):
        arguments = self.arguments
        reset_peak()
        before = resident("VmRSS")
        self.build()
        result = {
            "net": arguments.net, "precision": arguments.precision, "batch": arguments.batch,
            "layout": arguments.layout, "groups": len(self.widest),
            "params": sum(parameter.numel() for parameter in self.net.parameters()),
            "threads": torch.get_num_threads(), "processor": processor(),
            "torch": torch.__version__,
        }
        if arguments.steps > 0:
            self.net.train()
            times = []
            for number in range(arguments.steps + 1):
                times.append(seconds(lambda: self.step(number)))
                tell(f"step {number}")
            del times[0]  # warms up
            result["supernet_step_s"] = min(times)
            result["peak_training_bytes"] = resident("VmHWM") - before

        candidates = [self.draw(Generator("candidates", index)) for index in range(3)]
        times = []
        for number, widths in enumerate([self.widest] + candidates):
            times.append(seconds(lambda: self.score(widths, 2048, 1024)))
            tell(f"candidate {number}")
        result["candidate_s"] = sorted(times[1:])[1]  # the first warms up

        greedy = []
        if arguments.greedy:
            for group, width in enumerate(self.widest):
                greedy.append(self.widest[:group] + [narrower(width)] + self.widest[group + 1 :])
            result["greedy_step_s"] = 0
            for number, widths in enumerate(greedy, 1):
                result["greedy_step_s"] += seconds(lambda: self.score(widths, 1024, 0))
                tell(f"greedy candidate {number}")
            result["candidates"] = len(greedy)

        # Counted at the end, so that counting warms nothing up.
        result["macs"] = self.macs(self.widest)
        result["candidate_macs"] = sum(map(self.macs, candidates))
        if arguments.steps > 0:
            steps = range(1, arguments.steps + 1)
            result["step_macs"] = sum(self.macs(w) for n in steps for w in self.subnets(n))
        if greedy:
            result["greedy_macs"] = sum(map(self.macs, greedy))
        return result


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def tell(part):
    print(part, file=sys.stderr, flush=True)


def reset_peak():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # where that is forbidden, the peak is that of the whole process


def resident(field):
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"^{field}:\s*(\d+)", status, re.M).group(1))


def processor():
    match = re.search(r"^model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(), re.M)
    return match.group(1) if match else "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--net", default="resnet20", help="resnet20, mobilenet_v2, …")
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"])
    parser.add_argument(
        "--layout", default="channels-last", choices=["channels-last", "contiguous"])
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--greedy", action="store_true")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps(Bench(arguments).run(), sort_keys=True), flush=True)


if __name__ == "__main__":
    main()
