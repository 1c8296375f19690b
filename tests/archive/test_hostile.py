"""A whole archive of bad files: each a recorded failure, in bounded time, its neighbours read."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from pagereader.archive import status
from tests.archive.conftest import page, tree, write_pages

ROOT = Path(__file__).parents[2]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Good pages among everything that is bad."""
    folder = tmp_path / "in"
    for number, name in enumerate(("a", "deep/m", "z & ; \" ' \n", "caf\udce9")):
        try:
            write_pages(tmp_path / "plain.png", number)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "plain.png").rename(folder / f"{name}.png")
        except OSError:
            pytest.skip("this file system takes only UTF-8 names")
    png, pdf = io.BytesIO(), pymupdf.open()
    page(1).save(png, "PNG")
    pdf.new_page()
    bad = {
        "empty.png": b"",
        "truncated.png": png.getvalue()[:60],
        "fake.jpg": b"<html>not found</html>",
        "no-pages.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        "cycle.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 9/Kids[2 0 R]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        "locked.pdf": pdf.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="x"),
        "cut.pdf": pdf.tobytes()[:300],
        "circle.tif": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    }
    for name, data in bad.items():
        (folder / name).write_bytes(data)
    Image.new("1", (30_000, 30_000)).save(folder / "bomb.png")
    (tmp_path / "secret.png").write_bytes(png.getvalue())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "nowhere.png").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe.png")
    return folder


def test_every_bad_file_is_a_recorded_failure(archive: Path, tmp_path: Path) -> None:
    bad = {
        "empty.png", "truncated.png", "fake.jpg", "no-pages.pdf", "cycle.pdf", "locked.pdf",
        "cut.pdf", "circle.tif", "bomb.png", "link.png", "nowhere.png", "pipe.png",
    }  # fmt: skip
    before = set(tmp_path.iterdir())
    start = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "tests.archive.drive", archive, tmp_path / "out", "page,hocr,txt",
         '{"jobs": 2, "fakes": true}'],
        cwd=ROOT, capture_output=True, timeout=200, check=False,
    )  # fmt: skip
    assert run.returncode == 1, run.stderr
    assert b"Traceback" not in run.stderr
    assert time.monotonic() - start < 120
    found = status(tmp_path / "out")
    assert {Path(problem.path).name for problem in found.problems} == bad
    assert all(problem.advice and "\n" not in problem.reason for problem in found.problems)
    assert (found.done, found.failed, found.pending) == (4, len(bad), 0)
    assert len(tree(tmp_path / "out")) == 12
    assert set(tmp_path.iterdir()) - before == {tmp_path / "out"}
