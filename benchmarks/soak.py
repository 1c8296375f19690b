"""Does an archive run lose, repeat or change anything, however often it is killed?

Makes an archive of 2,000 small pages, 1 % of them bad; reads it once undisturbed and once killed
at random instants (SIGKILL to the run, now and then to a worker instead), and compares. The null
recogniser stands in for the model, because what is tested is everything else.

    python benchmarks/soak.py [--pages 2000] [--kills 50] [--jobs 2] [--seed 6]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw

FORMATS = "page,hocr,txt,json"
PAGES_A_PDF, PAGES_A_TIFF = 12, 20


@dataclass
class Corpus:
    """What was made: the files with their number of good pages, and the bad files."""

    folder: Path
    good: dict[str, int] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)


def main() -> int:
    options = _arguments()
    if options.drive:
        return _drive(Path(options.drive[0]), Path(options.drive[1]), options.jobs)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        corpus = make_corpus(Path(folder, "in"), options.pages)
        few = make_corpus(Path(folder, "few"), 50)
        print(f"{sum(corpus.good.values())} good pages, {len(corpus.bad)} bad files", flush=True)
        small = undisturbed(few.folder, Path(folder, "small"), options.jobs)
        calm = undisturbed(corpus.folder, Path(folder, "calm"), options.jobs)
        print(f"undisturbed: {calm}", flush=True)
        killed = Path(folder, "killed")
        kills, runs, seconds = disturbed(corpus, killed, options)
        found = compare(corpus, Path(folder, "calm"), killed)
        found |= {
            "kills": kills,
            "runs": runs,
            "seconds": round(seconds, 1),
            "memory_ratio": round(calm["peak_mb"] / small["peak_mb"], 3),
            "open_files_ratio": round(calm["open_files"] / small["open_files"], 3),
        }
    print(json.dumps(found, indent=1))
    clean = not any(found[name] for name in ("lost", "duplicated", "differing", "wrong_failures"))
    flat = options.pages < 1000 or found["memory_ratio"] <= 1.2
    return 0 if clean and flat and kills >= options.kills else 1


def make_corpus(folder: Path, pages: int) -> Corpus:
    """Write single images, PDFs and TIFFs with ``pages`` pages in all, one in a hundred bad."""
    import pymupdf

    corpus = Corpus(folder)
    bad = max(1, pages // 100)
    documents = max(1, pages // 500)
    for number in range(documents):
        name = f"books/book{number}.pdf"
        book = pymupdf.open()
        for page in range(PAGES_A_PDF):
            book.new_page(width=170, height=90).insert_text((10, 40), f"book {number} page {page}")
        _write(corpus, name, book.tobytes(no_new_id=True), PAGES_A_PDF)
        frames = [_page(f"volume {number} {frame}") for frame in range(PAGES_A_TIFF)]
        path = folder / f"books/volume{number}.tif"
        frames[0].save(path, save_all=True, append_images=frames[1:], compression="tiff_lzw")
        corpus.good[str(path.relative_to(folder))] = PAGES_A_TIFF
    singles = pages - bad - documents * (PAGES_A_PDF + PAGES_A_TIFF)
    for number in range(singles):
        path = folder / f"box{number % 20:02d}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        _page(f"page {number}").save(path)
        corpus.good[str(path.relative_to(folder))] = 1
    for number in range(bad):
        suffix, data = _bad_file(number)
        name = f"box{number % 20:02d}/bad{number}{suffix}"
        _write(corpus, name, data, 0)
        corpus.bad.add(name)
    return corpus


def undisturbed(source: Path, out: Path, jobs: int) -> dict[str, float]:
    """Run once; return the time, and peaks over all its processes together."""
    start = time.monotonic()
    peak: dict[int, int] = {}
    files = 0
    process = _start(source, out, jobs)
    while process.poll() is None:
        family = [process.pid, *_children(process.pid)]
        for pid in family:
            peak[pid] = max(peak.get(pid, 0), _status_kb(pid, "VmHWM"))
        files = max(files, sum(_open_files(pid) for pid in family))
        time.sleep(0.1)
    largest = sorted(peak.values(), reverse=True)[: jobs + 1]  # without the resource tracker
    return {
        "exit": process.returncode,
        "seconds": round(time.monotonic() - start, 1),
        "peak_mb": round(sum(largest) / 1024, 1),
        "open_files": files,
    }


def disturbed(corpus: Corpus, out: Path, options: argparse.Namespace) -> tuple[int, int, float]:
    """Kill runs until ``options.kills`` are dead, then let one end; return kills, runs, time."""
    dice = random.Random(options.seed)
    pages = sum(corpus.good.values())
    start, kills, runs = time.monotonic(), 0, 0
    while True:
        process = _start(corpus.folder, out, options.jobs)
        runs += 1
        if kills < options.kills:
            done = _done(out)
            # On the average the pages are used up when the kills are.
            aim = done + dice.randrange(1 + 2 * (pages - done) // (options.kills - kills + 1))
            _wait(process, lambda aim=aim: _done(out) >= aim)
            time.sleep(dice.random() * 0.3)
            victims = _children(process.pid) if dice.random() < 0.15 else [process.pid]
            if process.poll() is None and victims:
                _kill(dice.choice(victims))
                kills += 1
            if victims != [process.pid]:
                _wait(process, lambda: False, 2.0)
                if process.poll() is None:
                    _kill(process.pid)
            if kills % 10 == 0:
                print(f"{kills} kills, {_done(out)} pages done", flush=True)
        process.wait()
        if kills >= options.kills and process.returncode in (0, 1):
            return kills, runs, time.monotonic() - start


def compare(corpus: Corpus, calm: Path, killed: Path) -> dict[str, object]:
    """Hold the killed runs' results and ledger against the undisturbed ones'."""
    one, two = _tree(calm), _tree(killed)
    ledger = sqlite3.connect(killed / ".pagereader/ledger.sqlite")
    with closing(ledger):
        states = dict(ledger.execute("SELECT state, count(*) FROM pages GROUP BY state"))
        seen: dict[str, int] = {}
        failed: set[str] = set()
        for path, state in ledger.execute(
            "SELECT inputs.path, state FROM pages JOIN inputs ON inputs.id = pages.input"
        ):
            name = os.path.relpath(os.fsdecode(path), corpus.folder)
            if state == "failed":
                failed.add(name)
            else:
                seen[name] = seen.get(name, 0) + 1
    lost = sum(max(0, count - seen.get(name, 0)) for name, count in corpus.good.items())
    extra = sum(max(0, count - corpus.good.get(name, 0)) for name, count in seen.items())
    return {
        "pages": states,
        "files": len(two),
        "lost": lost + len(one.keys() - two.keys()),
        "duplicated": extra + len(two.keys() - one.keys()),
        "differing": sum(two[name] != one[name] for name in one.keys() & two.keys()),
        "wrong_failures": sorted(failed ^ corpus.bad),
    }


def _drive(source: Path, out: Path, jobs: int) -> int:
    from pagereader.archive import run_archive
    from pagereader.options import Options
    from pagereader.outputs import OutputPlan
    from pagereader.sources import find_inputs

    files = list(find_inputs([source], recursive=True))
    plan = OutputPlan(f"{out}/", FORMATS.split(","), files)
    options = Options(recognizer="null", jobs=jobs, max_pixels=10_000_000)
    return int(run_archive(files, plan, options).exit_code)


def _start(source: Path, out: Path, jobs: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, __file__, "--jobs", str(jobs), "--drive", str(source), str(out)],
        stderr=subprocess.DEVNULL,
    )


def _page(text: str) -> Image.Image:
    image = Image.new("L", (240, 120), 255)
    draw = ImageDraw.Draw(image)
    for line in range(2):
        draw.text((12, 14 + line * 40), f"{text}, line {line}", fill=0, font_size=20)
    return image


def _bad_file(number: int) -> tuple[str, bytes]:
    import io

    import pymupdf

    buffer = io.BytesIO()
    _page("bad").save(buffer, "PNG")
    png = buffer.getvalue()
    document = pymupdf.open()
    document.new_page()
    locked = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="x", owner_pw="y")
    kinds = (
        (".png", b""),
        (".png", png[: len(png) // 2]),
        (".jpg", b"Dear Sir, this is no picture."),
        (".pdf", locked),
        (".png", png[:16] + b"\x00\x10\x00\x00\x00\x10\x00\x00" + png[24:]),
        (".tif", b"II*\0\x08\0\0\0\xff\xff"),
        (".pdf", b"%PDF-1.7\n%%EOF"),
    )
    return kinds[number % len(kinds)]


def _write(corpus: Corpus, name: str, data: bytes, pages: int) -> None:
    path = corpus.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if pages:
        corpus.good[name] = pages


def _tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".pagereader" not in path.relative_to(folder).parts
    }


def _done(out: Path) -> int:
    try:
        uri = f"file:{out / '.pagereader/ledger.sqlite'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as ledger:
            query = "SELECT count(*) FROM pages WHERE state = 'done'"
            return int(ledger.execute(query).fetchone()[0])
    except sqlite3.Error:
        return 0  # not there yet, or waiting to be recovered by the next run


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], most: float = 600) -> None:
    end = time.monotonic() + most
    while process.poll() is None and time.monotonic() < end and not ready():
        time.sleep(0.03)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [child for child in map(int, text.split()) if _is_worker(child)]


def _is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _status_kb(pid: int, name: str) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def _open_files(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--drive", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
