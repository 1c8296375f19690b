"""The same bytes whatever the number of threads, and of lines beside a line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pagereader.recognize.workers import Workers
from tests.recognize.layouts import LAYOUTS, save_checkpoint

DIGESTS = """
import hashlib, sys
import torch
from benchmarks.recognize import render, texts
from pagereader.recognize.checkpoint import load_checkpoint
from pagereader.recognize.engine import Engine
from pagereader.recognize.precision import FP32
from tests.recognize.layouts import scribbles

for name in sys.argv[1:]:
    engine = Engine(load_checkpoint(name), torch.device("cpu"), FP32)
    crops = scribbles(20, seed=3) + [render(text) for text in texts(3)]
    jobs = [job for number, crop in enumerate(crops) for job in engine._jobs(number, crop)]
    jobs.sort(key=lambda job: job.fitted.pixels.shape[1])
    for part in (jobs, jobs[:5], jobs[6:23]):
        states = engine._encode(part)
        lines = engine._decode(states, search=False) + engine._decode(states, search=True)
        seen = hashlib.sha256()
        for line, state in zip(lines, 2 * states, strict=True):
            columns = state.shape[0]
            seen.update(state.numpy().tobytes())
            seen.update(line.log_probs.tobytes())
            seen.update(line.attention[:, :columns].tobytes())
        print(seen.hexdigest(), flush=True)
    together = [engine.read(crops, search=search)[-6:] for search in (False, True)]
    print(hashlib.sha256(repr(together).encode()).hexdigest())
    alone = [
        [reading for crop in crops[-6:] for reading in engine.read([crop], search=search)]
        for search in (False, True)
    ]
    print(hashlib.sha256(repr(alone).encode()).hexdigest())
print(torch.get_num_threads(), file=sys.stderr)
"""


def digests(threads: int, *models: str) -> list[str]:
    root = Path(__file__).parents[2]
    count = str(threads)
    # Sets of flags print in the order of their hashes.
    environment = {**os.environ, "OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count}
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS, *models],
        env={**environment, "PYTHONPATH": str(root), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    )
    assert done.stderr.split()[-1] == count, "torch does not have the threads it was told"
    return done.stdout.split()


def test_the_number_of_threads_does_not_show(tmp_path: Path) -> None:
    models = ["bundled", str(save_checkpoint(LAYOUTS[2], tmp_path / "small"))]
    alone = digests(1, *models)
    assert len(alone) == 5 * len(models)
    for readings, one_by_one in zip(alone[3::5], alone[4::5], strict=True):
        assert readings == one_by_one
    assert digests(2, *models) == alone


def test_every_worker_computes_alone_and_the_caller_keeps_its_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        workers = Workers(torch.device("cpu"))
        assert workers.count == 3
        assert workers.map(lambda part: (part, torch.get_num_threads()), range(20)) == [
            (part, 1) for part in range(20)
        ]
        assert torch.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError):
            workers.map(lambda part: 1 // part, [1, 0, 2])
        assert workers.map(str, [1, 2]) == ["1", "2"]
    finally:
        torch.set_num_threads(before)


def test_a_gpus_work_stays_in_the_callers_thread() -> None:
    assert Workers(torch.device("cuda")).count == 1
