"""What a strip model's columns alone read, and of which lines they are certain.

    python benchmarks/recogniser/certain.py LINES.tsv [--model M] [--split dev]

LINES.tsv has columns image, text, source and split. Lines of which the columns are certain are
read without the decoder (pagereader/recognize/drafts.py); errors are counted in characters.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import torch
from prepare import Row, read_rows

from pagereader.evaluate.normalise import TextRules
from pagereader.evaluate.rates import ErrorRate, character_errors
from pagereader.recognize.checkpoint import Checkpoint, load_checkpoint
from pagereader.recognize.drafts import Draft, draft
from pagereader.recognize.encoder import Encoder
from pagereader.recognize.preprocess import fit
from pagereader.recognize.spelling import Speller
from pagereader.recognize.vocabulary import Vocabulary


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--split", default="dev")
    asked = parser.parse_args()
    checkpoint = load_checkpoint(asked.model)
    vocabulary = Vocabulary(checkpoint.tokenizer)
    read: dict[str, list[tuple[ErrorRate, bool]]] = defaultdict(list)
    wanted = [row for row in read_rows(asked.table) if row["split"] == asked.split]
    for row, spelled in drafts(checkpoint, asked.table.parent, wanted):
        texts = map(TextRules().apply, (row["text"], vocabulary.text(spelled.tokens)))
        read[row["source"]].append((character_errors(*texts), spelled.certain))
    print("source          lines  certain  CER of columns  of certain lines")
    for source, lines in sorted(read.items()):
        certain = [found for found, sure in lines if sure]
        everything, trusted = total(found for found, _ in lines), total(certain)
        share = len(certain) / len(lines)
        print(f"{source:15} {len(lines):5}  {share:7.1%}  {everything:14.4f}  {trusted:.4f}")
    return 0


def drafts(
    checkpoint: Checkpoint, folder: Path, lines: Sequence[Row]
) -> Iterator[tuple[Row, Draft]]:
    """Spell the columns of each line."""
    config = checkpoint.model.config
    encoder = Encoder(checkpoint.model, checkpoint.image)
    shape = (int(config.decoder.vocab_size), int(config.encoder.hidden_size))
    speller = Speller.load(checkpoint.folder, shape, checkpoint.pad, encoder.prefix)
    if speller is None:
        raise SystemExit("no layer of this model spells columns")
    for row in lines:
        pixels = cv2.imread(str(folder / row["image"]), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise SystemExit(f"{row['image']} cannot be read")
        shown = torch.from_numpy(fit(pixels, checkpoint.image).pixels)[None]
        yield row, draft(speller, [encoder(shown)])[0]


def total(found: Iterable[ErrorRate]) -> float:
    """Return the errors of all lines together for each of their characters."""
    return sum(found, ErrorRate()).value


if __name__ == "__main__":
    raise SystemExit(main())
