"""Runs that are stopped and killed, as processes, at random instants."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pagereader.archive import status
from tests.archive.conftest import tree, write_pages

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a run over ``tmp_path/in`` in a session of its own."""

    def go(out: str = "out", **settings: object) -> subprocess.Popen[str]:
        chosen = json.dumps({"jobs": 2, "fakes": True, **settings})
        return subprocess.Popen(
            [sys.executable, "-m", "tests.archive.drive", str(tmp_path / "in"),
             str(tmp_path / out), "page,hocr,txt,json", chosen],
            cwd=ROOT, start_new_session=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return go


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Sixty pages that take a while, eight of them in one file, and two bad files."""
    for number in range(52):
        write_pages(tmp_path / f"in/{number % 4}/p{number}.png", number)
    write_pages(tmp_path / "in/many.tif", *range(100, 108))
    (tmp_path / "in/1/empty.png").touch()
    (tmp_path / "in/fake.pdf").write_text("no PDF")
    return tmp_path / "in"


def wait_for_pages(folder: Path, count: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        if len(list(folder.rglob("*.txt"))) >= count:
            return
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_killed_at_random_instants(archive: Path, start: Start, tmp_path: Path) -> None:
    calm = start("calm")
    output, _ = calm.communicate(timeout=120)
    assert calm.returncode == 1
    assert json.loads(output)["done"] == 60
    dice = random.Random(6)
    ends = 0
    for attempt in range(60):
        run = start()
        wait_for_pages(tmp_path / "out", dice.randrange(61), run)
        time.sleep(dice.random() * 0.2)
        if attempt % 3 == 2 and run.poll() is None:  # a worker dies, the run goes on
            for victim in children(run.pid)[-1:]:
                os.kill(victim, signal.SIGKILL)
        elif run.poll() is None:
            os.kill(run.pid, signal.SIGKILL)
        run.communicate(timeout=120)
        ends += run.returncode == 1
        if ends >= 2:
            break
    assert ends >= 2
    assert tree(tmp_path / "out") == tree(tmp_path / "calm")
    found = status(tmp_path / "out")
    assert (found.done, found.failed, found.pending) == (60, 2, 0)
    assert list((tmp_path / "out").rglob("*.part")) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"]
)
def test_signals_finish_the_page_in_hand(
    archive: Path, start: Start, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    for count, path in enumerate(sorted(archive.rglob("p*.png"))):
        if count < 26:
            path.rename(path.with_name(f"slow-{path.name}"))
        else:
            path.unlink()
    run = start()
    wait_for_pages(tmp_path / "out", 5, run)
    assert status(tmp_path / "out").running
    os.killpg(run.pid, number)  # as a terminal or a service manager does: workers are hit as well
    output, errors = run.communicate(timeout=60)
    assert run.returncode == code, errors
    summary = json.loads(output)
    assert 0 < summary["done"] < 34
    assert summary["outcome"] == f"stopped by {number.name}"
    found = status(tmp_path / "out")
    assert (found.running, found.done) == (False, summary["done"])
    assert len(list((tmp_path / "out").rglob("*.txt"))) >= summary["done"] - 8
    for out in ("out", "calm"):
        again = start(out)
        again.communicate(timeout=120)
        assert again.returncode == 1
    assert tree(tmp_path / "out") == tree(tmp_path / "calm")


def test_workers_do_not_outlive_the_run(archive: Path, start: Start, tmp_path: Path) -> None:
    write_pages(archive / "0/hangs.png", 1)
    run = start()
    wait_for_pages(tmp_path / "out", 10, run)
    workers = [child for child in children(run.pid) if _is_worker(child)]
    assert len(workers) == 2
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=30)
    end = time.monotonic() + 5
    while any(_is_worker(worker) for worker in workers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(_is_worker(worker) for worker in workers)


def _is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_second_run_is_refused(archive: Path, start: Start, tmp_path: Path) -> None:
    write_pages(archive / "0/hangs.png", 1)
    first = start()
    wait_for_pages(tmp_path / "out", 3, first)
    second = start()
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 4
    assert "another run is writing into" in errors
    assert len(errors.strip().splitlines()) == 1
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate(timeout=30)


def test_stdout_carries_the_result_only(archive: Path, start: Start) -> None:
    output, errors = start(progress="json").communicate(timeout=120)
    assert json.loads(output)["done"] == 60
    events = [json.loads(line) for line in errors.splitlines()]
    assert [event["event"] for event in events] == ["page"] * 62 + ["summary"]
    assert events[-2]["settled"] == events[-2]["total"] == 62
    assert events[-2]["failed"] == events[-1]["failed"] == 2
