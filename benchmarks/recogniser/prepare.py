"""Gather what the bundled recogniser learns from, out of Debian and npm packages.

    python benchmarks/recogniser/prepare.py material WORK
    python benchmarks/recogniser/prepare.py lines LINES.tsv WORK --weight ajax=9.5,oldbooks=1.5 \
        --dev oldbooks=100,ajax=48

The first fills WORK/fonts and WORK/text; it needs apt-get, dpkg, npm and fonttools with brotli.
Fraktur lies in fonts/fraktur, type of receipts in fonts/narrow, handwriting in fonts/hands, and
languages other than English each in a folder of text: the generator gives each of them its share
of the lines.
The second writes WORK/train.tsv and WORK/dev.tsv from a list of line crops with the columns
image, text, split and source: absolute paths, texts as pagereader writes them, rare sources
repeated, long validation cut down to so many lines of a source. With --letters it writes the texts
of those sources' training lines into WORK/text, for they are what hands write.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from broken_letters import WEB, collect_fraktur
from faces import NARROW, collect_hands, collect_narrow, collect_typewriters, from_web, hands
from languages import collect_languages

Row = dict[str, str]
HERE = Path(__file__).parent
UNFIT = re.compile(
    r"Initial|AllSC|SC0|SC1|Symbols|math|Math|D0500|Thin|Hairline|ExtraLight|caps|Durandus|Gotico"
    r"|ProtoRoman|Hybrid|Rusch|lignes|LinBiolinum_K|RZ|cmunbmo|Black|Heavy|dunh|Ptolemy|Hamlet"
    r"|Jessen|Isabella|lmsansquot|Styl|Blankenburg"
)
"""Names of fonts for ornament, mathematics and other scripts."""
OWN_FOLDERS = ("ngerman", "ogerman", "french", "danish")
"""Word lists that are taken up by language."""
SPELLINGS = str.maketrans({"\u02bc": "\u2019", "\u2044": "/", "\u00a0": " ", "\u00ac": "-"})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    material = commands.add_parser("material")
    lines = commands.add_parser("lines")
    lines.add_argument("table", type=Path)
    lines.add_argument("--weight", type=pairs, default={}, help="source=times,...")
    lines.add_argument("--letters", type=pairs, default={}, help="source=times,...")
    lines.add_argument("--dev", type=pairs, default={}, help="source=lines,...; all others: none")
    for command in (material, lines):
        command.add_argument("work", type=Path)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if arguments.command == "lines":
        write_letters(arguments.table, work / "text", arguments.letters)
        return write_lists(arguments.table, work, arguments.weight, arguments.dev)
    return gather(work)


def pairs(text: str) -> dict[str, float]:
    """Read "name=number,name=number"."""
    return {name: float(number) for name, number in (pair.split("=") for pair in text.split(","))}


def gather(work: Path) -> int:
    """Fetch the packages and sort out fonts and text."""
    names = [
        name
        for line in (HERE / "packages.txt").read_text().splitlines()
        if not line.startswith("#")
        for name in line.split()
    ]
    names += [name for name in hands() if name.startswith("@")]
    unpacked = work / "unpacked"
    unpacked.mkdir(exist_ok=True)
    missing = [name for name in names if not fetch(name, work, unpacked)]
    print(f"{len(names) - len(missing)} packages; not to be had: {', '.join(missing) or 'none'}")
    print(f"{collect_fonts(unpacked, work / 'fonts')} fonts")
    for kind, collect in (
        ("fraktur", collect_fraktur),
        ("narrow", collect_narrow),
        ("hands", collect_hands),
        ("typewriter", collect_typewriters),
    ):
        print(f"{collect(unpacked, work / 'fonts' / kind)} of them {kind}")
    print(f"{collect_text(unpacked, work / 'text') / 1e6:.1f} MB of text")
    for language, size in collect_languages(unpacked, work / "text").items():
        print(f"{size / 1e6:.1f} MB of {language}")
    return 0


def fetch(name: str, work: Path, unpacked: Path) -> bool:
    """Download and unpack one package."""
    if name.startswith("@") or name == "katex":
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        return subprocess.run([*command, "--prefix", unpacked, name], check=False).returncode == 0
    debs = work / "debs"
    debs.mkdir(exist_ok=True)
    if not list(debs.glob(f"{name}_*.deb")):
        subprocess.run(["apt-get", "download", "-qq", name], cwd=debs, check=False)
    found = list(debs.glob(f"{name}_*.deb"))
    for deb in found:
        subprocess.run(["dpkg", "-x", deb, unpacked], check=True)
    return bool(found)


def collect_fonts(unpacked: Path, folder: Path) -> int:
    """Copy fonts with Latin text letters; unpack those from the web."""
    from fontTools.ttLib import TTFont

    folder.mkdir(exist_ok=True)
    fonts = [*unpacked.rglob("*.ttf"), *unpacked.rglob("*.otf")]
    for font in fonts:
        if "fonts" not in font.parts or "node_modules" in font.parts:
            continue  # of manuals
        if not UNFIT.search(font.name):
            shutil.copyfile(font, folder / font.name)
    special = tuple(f"{name}-latin" for name in (*WEB, *NARROW, *from_web(hands())))
    for packed in unpacked.rglob("*-latin-400-normal.woff"):
        if packed.name.startswith(special):
            continue
        font = TTFont(packed)
        font.flavor = None
        font.save(folder / f"{packed.stem}.ttf")
    return len(list(folder.glob("*.*")))


def collect_text(unpacked: Path, folder: Path) -> int:
    """Write the documents' prose and the word lists, shuffled, as plain text."""
    folder.mkdir(exist_ok=True)
    for packed in unpacked.rglob("*.txt.gz"):
        if re.search(r"\.(fr|de)\.txt|/(fr|de)/", str(packed)):
            continue  # see languages.py
        text = gzip.decompress(packed.read_bytes()).decode("utf-8", "ignore")
        paragraphs = [p for p in text.split("\n\n") if sum(map(str.isalpha, p)) > 0.7 * len(p)]
        (folder / f"{packed.name.removesuffix('.txt.gz')}.txt").write_text("\n".join(paragraphs))
    draw = random.Random(0)
    for words in (unpacked / "usr" / "share" / "dict").glob("*"):
        if words.is_file() and not words.is_symlink() and words.name not in OWN_FOLDERS:
            chosen = words.read_text("utf-8", "ignore").split()
            draw.shuffle(chosen)
            (folder / f"{words.name}.words.txt").write_text(" ".join(chosen[:20000]))
    return sum(path.stat().st_size for path in folder.glob("*.txt"))


def read_rows(table: Path) -> list[Row]:
    """Read a list of lines."""
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def write_letters(table: Path, folder: Path, times: dict[str, float]) -> None:
    """Write what the training lines of some sources say, as often as asked, as text."""
    folder.mkdir(exist_ok=True)
    for source, often in times.items():
        rows = [r for r in read_rows(table) if (r["split"], r["source"]) == ("train", source)]
        text = "".join(f"{row['text'].translate(SPELLINGS)}\n" for row in rows)
        (folder / f"{source}.txt").write_text(text * round(often), encoding="utf-8")


def write_lists(table: Path, work: Path, weights: dict[str, float], kept: dict[str, float]) -> int:
    """Write what is learned from and what validates; no line of one is in the other."""
    rows = read_rows(table)
    draw = random.Random(0)
    for split, numbers in (
        ("train", lambda rows: repeated(rows, weights, draw)),
        ("dev", lambda rows: thinned(rows, kept, draw) if kept else rows),
    ):
        chosen = numbers([row for row in rows if row["split"] == split])
        with (work / f"{split}.tsv").open("w", encoding="utf-8") as file:
            file.write("image\ttext\tpage\tsource\n")
            for row in chosen:
                image = (table.parent / row["image"]).resolve()
                text = " ".join(row["text"].translate(SPELLINGS).split())
                file.write(f"{image}\t{text}\t{row['page']}\t{row['source']}\n")
        counts = Counter(row["source"] for row in chosen)
        shares = ", ".join(f"{name} {n} ({n / len(chosen):.0%})" for name, n in counts.items())
        print(f"{split}: {len(chosen)} lines: {shares}")
    return 0


def repeated(rows: list[Row], weights: dict[str, float], draw: random.Random) -> list[Row]:
    """Take each row as often as its source weighs; 1.5 is once or twice."""
    out = []
    for row in rows:
        weight = weights.get(row["source"], 1.0)
        out += [row] * (int(weight) + (draw.random() < weight % 1))
    return out


def thinned(rows: list[Row], kept: dict[str, float], draw: random.Random) -> list[Row]:
    """Keep so many rows of each source, drawn by lot."""
    draw.shuffle(rows)
    seen: Counter[str] = Counter()
    out = []
    for row in rows:
        seen[row["source"]] += 1
        if seen[row["source"]] <= kept.get(row["source"], 0):
            out.append(row)
    return out


if __name__ == "__main__":
    sys.exit(main())
