"""How well a model reads: true lines by source, and whole pages through the command line.

    python benchmarks/accuracy.py lines LINES.tsv [--model M] [--split dev]
    python benchmarks/accuracy.py pages PAGES --judge judge.py [--model M] [--out DIR]

LINES.tsv has columns image, text, source and split; PAGES is a folder with images/ and what
judge.py wants. Nothing is normalised on lines but Unicode (NFC) and blanks.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    lines = commands.add_parser("lines")
    lines.add_argument("table", type=Path)
    lines.add_argument("--split", default="dev")
    pages = commands.add_parser("pages")
    pages.add_argument("folder", type=Path)
    pages.add_argument("--judge", type=Path, required=True)
    pages.add_argument("--out", type=Path, help="keep the results here")
    pages.add_argument("judge_arguments", nargs="*", help="such as -- --lang en")
    for command in (lines, pages):
        command.add_argument("--model", default="bundled")
    arguments = parser.parse_args()
    return measure_lines(arguments) if arguments.command == "lines" else measure_pages(arguments)


def measure_lines(arguments: argparse.Namespace) -> int:
    """Evaluate one split of a line list, summed up by source."""
    table: Path = arguments.table
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    wanted = [row for row in rows if row["split"] == arguments.split]
    with tempfile.TemporaryDirectory() as folder:
        chosen = Path(folder) / "lines.tsv"
        with chosen.open("w", encoding="utf-8") as file:
            file.write("image\ttext\tsource\n")
            for row in wanted:
                file.write(
                    f"{(table.parent / row['image']).resolve()}\t{row['text']}\t{row['source']}\n"
                )
        return pagereader("evaluate", chosen, "--model", arguments.model, "--by", "source")


def measure_pages(arguments: argparse.Namespace) -> int:
    """Read the pages as a user would and let the judge score the results."""
    with tempfile.TemporaryDirectory() as folder:
        out: Path = arguments.out or Path(folder)
        images = arguments.folder / "images"
        options = ("--model", arguments.model, "-f", "page", "--overwrite")
        code = pagereader(images, "-o", f"{out}/", *options)
        if code not in (0, 1):
            return code
        judge = [sys.executable, arguments.judge, arguments.folder, out]
        return subprocess.run([*judge, *arguments.judge_arguments], check=False).returncode


def pagereader(*arguments: object) -> int:
    """Run pagereader's command line and return its exit code."""
    command = [sys.executable, "-m", "pagereader", *map(str, arguments)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
