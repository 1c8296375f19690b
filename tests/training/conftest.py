"""Fonts that PyMuPDF brings along, text of our own, and tiny models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw

from pagereader.training.fonts import Face, find_faces
from pagereader.training.generator import LineGenerator
from pagereader.training.shape import ModelShape, new_checkpoint
from pagereader.training.text import TextSource

PROSE = (
    "The morning was grey and still when the carter brought the boxes up from the quay, and "
    "nobody in the office cared to open them before the stove was lit. Letters, bills, a map of "
    "the harbour with its soundings, seven ledgers tied in red tape: all of it smelt of salt. "
) * 4
DIGITS = "0123456789"
TINY = ModelShape(
    height=16, width=128, column=4, size=64, encoder_layers=1, decoder_layers=1, longest=16
)


@pytest.fixture(scope="session")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fonts")
    for name in ("helv", "tiro", "cour"):
        (folder / f"{name}.cff").write_bytes(pymupdf.Font(name).buffer)
    return folder


@pytest.fixture(scope="session")
def faces(fonts: Path) -> list[Face]:
    return find_faces([fonts], PROSE)


@pytest.fixture
def generator(faces: list[Face]) -> LineGenerator:
    return LineGenerator(faces, TextSource(PROSE), seed=7)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    new_checkpoint(folder, TINY, DIGITS)
    return folder


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory, fonts: Path) -> Path:
    """A list of numbers of one to three digits: what a tiny model learns in seconds."""
    folder = tmp_path_factory.mktemp("digits")
    font = Face(fonts / "helv.cff", frozenset(DIGITS)).at(20)
    rng = np.random.default_rng(1)
    rows = ["image\ttext\tpage"]
    for number in range(320):
        text = "".join(rng.choice(list(DIGITS), size=rng.integers(1, 4)))
        image = Image.new("L", (int(font.getlength(text)) + 8, 26), 230)
        ImageDraw.Draw(image).text((4, 2), text, font=font, fill=20)
        image.save(folder / f"{number}.png")
        rows.append(f"{number}.png\t{text}\tpage {number // 10}")
    path = folder / "lines.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path
