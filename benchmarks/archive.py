"""How fast an archive run is, on one core and on two, and what its care costs.

    python benchmarks/archive.py PAGE... [--repeat 4]

Copies the pages named into an archive and reads it with one worker and with two. What ledger,
hashes and careful writing cost is measured in two ways: the processor time of the run's own
process, and the time in which workers were ready but not reading.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from pagereader.archive import run_archive
from pagereader.archive.ledger import Ledger
from pagereader.options import Options
from pagereader.outputs import OutputPlan
from pagereader.sources import find_inputs

FORMATS = ("page", "hocr", "txt")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--repeat", type=int, default=1, help="Copies of each page.")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--recognizer", default="trocr")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="archive-") as folder:
        source = Path(folder, "in")
        source.mkdir()
        for copy in range(options.repeat):
            for page in options.pages:
                shutil.copy(page, source / f"{copy:03d}-{page.name}")
        for jobs in options.jobs:
            out = Path(folder, f"out{jobs}")
            print(json.dumps(measure(source, out, jobs, options.recognizer)), flush=True)
    return 0


def measure(source: Path, out: Path, jobs: int, recognizer: str) -> dict[str, float]:
    """Run once; return the rate and how the processor's time was spent."""
    files = list(find_inputs([source]))
    plan = OutputPlan(f"{out}/", FORMATS, files)
    start, own, others = time.monotonic(), _seconds("SELF"), _seconds("CHILDREN")
    summary = run_archive(files, plan, Options(recognizer=recognizer, jobs=jobs))
    seconds = time.monotonic() - start
    ours, theirs = _seconds("SELF") - own, _seconds("CHILDREN") - others
    return {
        "jobs": jobs,
        "pages": summary.read,
        "exit_code": int(summary.exit_code),
        "seconds_with_start": round(seconds, 2),
        # From the ledger: starts when the first worker is ready.
        "seconds": round(summary.seconds, 2),
        "pages_a_minute": round(summary.read * 60 / summary.seconds, 2),
        "workers_processor_seconds_a_page": round(theirs / summary.read, 3),
        "processor_share_of_ledger_and_writing": round(ours / (ours + theirs), 4),
        "share_not_reading": round(1 - _reading(out) / (summary.seconds * jobs), 4),
    }


def _reading(out: Path) -> float:
    """Seconds that workers spent on pages: opening, segmenting, reading, rendering."""
    with closing(Ledger(out)) as ledger:
        return float(ledger.query("SELECT sum(seconds) FROM pages")[0][0])


def _seconds(whose: str) -> float:
    used = resource.getrusage(getattr(resource, f"RUSAGE_{whose}"))
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
