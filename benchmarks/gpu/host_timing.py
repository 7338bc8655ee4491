"""Times of whole training steps, by the host's clock: each step ends when its loss has come down."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .timing import Times


def host_times(step: Callable[[], Any], warm_up: int = 10, repeats: int = 60) -> Times:
    """Return microseconds a step; the step itself waits for the GPU."""
    for _ in range(warm_up):
        step()
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        step()
        found.append(1e6 * (time.perf_counter() - began))
    q1, median, q3 = statistics.quantiles(found, n=4)
    return Times(median, q1, q3, repeats)


def torch_step(torch: Any, x: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    """Return the same network's step in PyTorch eager: batch up, Adam, loss down."""
    nn = torch.nn
    flat = 64 * 6 * 6  # 32 - 2 = 30, 15, 13, 6
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(flat, 64), nn.ReLU(), nn.Linear(64, 10),
    ).cuda()  # fmt: skip
    optimizer, loss_of = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    images, targets = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))), torch.from_numpy(labels)

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(model(images.cuda()), targets.cuda())
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
