"""Training speed beside what one would write otherwise, in one run on the same machine.

    python benchmarks/training.py            # about three minutes on two cores
    python benchmarks/training.py --rounds 1 --epochs 2
    python benchmarks/training.py --json docs/results/training-speed.json

Ours: ``mslesion.paper.training`` (one thread, augmentation of all images at once). Beside it: a
plain PyTorch loop over a ``DataLoader`` whose dataset rotates, flips and scales one image at a
time, with the same network, optimiser and batch size, as many workers as there are cores, and
torch's default threads. Both are timed in turn, epoch by epoch, so that a busy machine slows
both. Images are noise: time does not depend on what they show.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from mslesion.paper.claims import SLICE_COUNTS, TRAINING_MINUTES
from mslesion.paper.network import build_network
from mslesion.paper.protocol import Protocol
from mslesion.paper.training import LabelledImages, Recipe, train_network

PROTOCOL = Protocol()
IMAGES_AN_EPOCH = SLICE_COUNTS["training"] * PROTOCOL.augmentation.copies


def some_images(count: int) -> LabelledImages:
    """Noise with labels."""
    random = np.random.default_rng(0)
    pixels = random.normal(size=(count, 64, 64)).astype(np.float32)
    return LabelledImages(pixels, random.integers(0, 2, count))


def train_ours(epochs: int) -> None:
    """The training of the study, validation included."""
    recipe = Recipe(
        PROTOCOL.network, replace(PROTOCOL.training, epochs=epochs), PROTOCOL.augmentation, seed=0
    )
    train_network(
        some_images(SLICE_COUNTS["training"]), some_images(SLICE_COUNTS["validation"]), recipe
    )


class OneByOne(Dataset[tuple[torch.Tensor, int]]):
    """Five random images of each slice, made one at a time."""

    def __init__(self, images: LabelledImages) -> None:
        self.images = images
        self.random = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.images.labels) * PROTOCOL.augmentation.copies

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        source = index // PROTOCOL.augmentation.copies
        limit = PROTOCOL.augmentation.rotation_degrees
        image = Image.fromarray(self.images.pixels[source])
        image = image.rotate(self.random.uniform(-limit, limit), Image.Resampling.BILINEAR)
        if self.random.random() < PROTOCOL.augmentation.flip_probability:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        scale = PROTOCOL.augmentation.intensity_scale
        pixels = np.asarray(image) * np.float32(self.random.uniform(1 - scale, 1 + scale))
        return torch.from_numpy(pixels)[None], int(self.images.labels[source])


def train_plainly(epochs: int) -> None:
    """The same training as most people write it."""
    network = build_network(PROTOCOL.network, 64).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=PROTOCOL.training.learning_rate)
    loader = DataLoader(
        OneByOne(some_images(SLICE_COUNTS["training"])),
        batch_size=PROTOCOL.training.batch_size,
        shuffle=True,
        num_workers=os.cpu_count() or 1,
    )
    for _ in range(epochs):
        for images, labels in loader:
            optimiser.zero_grad()
            cross_entropy(network(images), labels).backward()
            optimiser.step()


def seconds(work: Callable[[int], None], epochs: int) -> float:
    """How long some epochs take."""
    started = perf_counter()
    work(epochs)
    return perf_counter() - started


def _measure_memory(queue: multiprocessing.Queue[float]) -> None:
    train_ours(1)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    queue.put(kilobytes / (1024**2 if sys.platform == "darwin" else 1024))


def peak_memory_mb() -> float:
    """The largest memory of a fresh process that imports all and trains for an epoch."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[float] = context.Queue()
    process = context.Process(target=_measure_memory, args=(queue,))
    process.start()
    megabytes = queue.get()
    process.join()
    return megabytes


def main() -> None:
    """Print images a second, peak memory, and the ratio."""
    parser = argparse.ArgumentParser(description="Training speed beside a plain DataLoader loop.")
    parser.add_argument("--rounds", type=int, default=5, help="epochs timed in turn (default: 5)")
    parser.add_argument("--epochs", type=int, default=20, help="of the whole training")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number here")
    options = parser.parse_args()
    train_ours(1)  # the first epoch of a process warms caches and allocators
    ours, plain = [], []
    for _ in range(options.rounds):
        ours.append(seconds(train_ours, 1))
        plain.append(seconds(train_plainly, 1))
    ratios = sorted(p / o for o, p in zip(ours, plain, strict=True))
    record = {
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        "images_an_epoch": IMAGES_AN_EPOCH,
        "ours_images_per_second": IMAGES_AN_EPOCH / median(ours),
        "plain_images_per_second": IMAGES_AN_EPOCH / median(plain),
        "ratio": [median(ratios), ratios[0], ratios[-1]],
        "epochs": options.epochs,
        "seconds": seconds(train_ours, options.epochs),
        "paper_seconds": TRAINING_MINUTES * 60,
        "peak_mb": peak_memory_mb(),
    }
    print("\n".join(told(record)))
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def told(record: Mapping[str, Any]) -> list[str]:
    """What was measured, in lines."""
    r = record
    ratio, least, most = r["ratio"]
    return [
        f"torch {r['torch']}, {r['cores']} cores, {r['images_an_epoch']} images an epoch",
        f"ours          {r['ours_images_per_second']:7.0f} images/s on one core",
        f"plain loop    {r['plain_images_per_second']:7.0f} images/s on all cores",
        f"ratio         {ratio:7.2f} ({least:.2f} to {most:.2f})",
        f"{r['epochs']} epochs     {r['seconds']:7.0f} s (the paper: {r['paper_seconds']} s)",
        f"peak memory   {r['peak_mb']:7.0f} MB",
    ]


if __name__ == "__main__":
    main()
