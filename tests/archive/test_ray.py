"""The same run on a Ray cluster of two nodes, one of which may be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pagereader.archive.ray import RayWorkers
from pagereader.errors import ModelError
from pagereader.options import Options
from tests.archive.conftest import Run, tree, write_pages

ROOT = Path(__file__).parents[2]
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="pagereader[ray] is not installed")


def run_on_cluster(
    tmp_path: Path, kill_after: int = 0, model: str = "fake"
) -> tuple[int, str, str]:
    environment = {
        **os.environ,
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.archive.ray_drive", str(tmp_path / "in"),
         str(tmp_path / "cluster"), str(kill_after), model],
        cwd=ROOT, capture_output=True, text=True, timeout=200, env=environment, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines()[-1] if done.stdout else "", done.stderr


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for number in range(24):
        write_pages(tmp_path / f"in/{number % 3}/slow{number}.png", number)
    write_pages(tmp_path / "in/many.tif", *range(100, 106))
    write_pages(tmp_path / "in/fails.png", 3)
    (tmp_path / "in/empty.png").touch()
    return tmp_path / "in"


@needs_ray
def test_same_bytes_though_a_node_is_killed(archive: Path, run: Run, tmp_path: Path) -> None:
    code, output, errors = run_on_cluster(tmp_path, kill_after=8)
    assert code == 1, errors
    assert "killed" in errors
    summary = json.loads(output)
    assert (summary["done"], summary["failed"], summary["pending"]) == (30, 2, 0)
    run()
    assert tree(tmp_path / "cluster") == tree(tmp_path / "out")


@needs_ray
def test_misbehaving_pages_and_resume(archive: Path, run: Run, tmp_path: Path) -> None:
    write_pages(archive / "dies-always.png", 50)
    write_pages(archive / "hangs.png", 51)
    code, output, errors = run_on_cluster(tmp_path)
    assert code == 1, errors
    reasons = {
        Path(problem["path"]).name: problem["reason"] for problem in json.loads(output)["problems"]
    }
    assert set(reasons) == {"dies-always.png", "hangs.png", "fails.png", "empty.png"}
    assert "Ray actor died" in reasons["dies-always.png"]
    assert "took longer than 10 s" in reasons["hangs.png"]
    (archive / "dies-always.png").unlink()
    (archive / "hangs.png").unlink()
    summary, _ = run(out=tmp_path / "cluster", page_timeout=10.0)  # here now, from there on
    assert (summary.read, summary.done) == (0, 30)
    run()
    assert tree(tmp_path / "cluster") == tree(tmp_path / "out")


@needs_ray
def test_a_missing_model(archive: Path, tmp_path: Path) -> None:
    code, _, errors = run_on_cluster(tmp_path, model="none")
    assert code == 5
    assert "no model here (get one)" in errors


def test_ray_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModelError, match=r"pip install 'pagereader\[ray\]'"):
        RayWorkers(Options(), ["page"])
