"""Fraktur, other languages and narrow print among the generated lines."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pagereader.options import bundled_model
from pagereader.recognize.checkpoint import load_checkpoint
from pagereader.recognize.preprocess import ImageRules
from pagereader.training.dataset import LineDataset
from pagereader.training.fonts import Face, bare, find_faces
from pagereader.training.generator import LineGenerator, draw_look
from pagereader.training.german import long_s, older_spelling
from pagereader.training.text import GERMAN, TextMix, TextSource
from pagereader.training.tokens import Spelling
from tests.training.conftest import PROSE

GERMAN_PROSE = (
    "Das Tier ist seit gestern verlassen, und niemand wei\u00df, was aus dem Hause geworden ist. "
    "Wir m\u00fcssen uns auf die Ausgaben besinnen, sagte unsre Base, und schlo\u00df das Fenster. "
) * 3


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Du bist jetzt verlassen", "Du bi\u017ft jetzt verla\u017f\u017fen"),
        ("das Liebstes, stromweis", "das Lieb\u017ftes, \u017ftromweis"),
        ("Ausgang aus dem Wirtshaus", "Ausgang aus dem Wirtshaus"),
        ("unsre Masse wei\u00df es", "un\u017fre Ma\u017f\u017fe wei\u00df es"),
        ("Aus- und SEIN", "Aus- und SEIN"),
    ],
)
def test_the_long_s_is_set_by_rule(text: str, printed: str) -> None:
    assert long_s(text) == printed


def test_words_are_spelled_as_they_were() -> None:
    assert older_spelling("Das Tier war Teil der Heimat") == "Das Thier war Theil der Heimath"
    assert older_spelling("Tierarzt und Natur") == "Tierarzt und Natur"


def test_folders_of_text_are_languages_with_a_share(tmp_path: Path) -> None:
    (tmp_path / GERMAN).mkdir()
    (tmp_path / "english.txt").write_text(PROSE, "utf-8")
    (tmp_path / GERMAN / "haus.txt").write_text(GERMAN_PROSE, "utf-8")
    prose_only = TextMix(
        words=0, numbers=0, loose=0, capitals=0, titles=0, long_s=0, quoted=0, foreign=0.25
    )
    source = TextSource.read([tmp_path], mix=prose_only)
    rng = np.random.default_rng(0)
    known = set(GERMAN_PROSE.split())
    lines = [source.draw(rng, 40).split() for _ in range(400)]
    german = sum(len(known & set(line)) > len(line) / 2 for line in lines)
    assert 70 < german < 130
    fraktur = [source.fraktur(rng, 40) for _ in range(50)]
    assert sum("\u017f" in line for line in fraktur) > 35
    assert not any(line.isupper() for line in fraktur)


def test_a_folder_of_languages_only_is_read(tmp_path: Path) -> None:
    (tmp_path / GERMAN).mkdir()
    (tmp_path / GERMAN / "haus.txt").write_text(GERMAN_PROSE, "utf-8")
    assert TextSource.read([tmp_path]).draw(np.random.default_rng(0))


@pytest.fixture
def sorted_faces(fonts: Path, tmp_path: Path) -> list[Face]:
    """One font each for Fraktur and for receipts, and the rest."""
    for name, folder in (("tiro", "fraktur"), ("helv", "narrow"), ("cour", "others")):
        (tmp_path / folder).mkdir()
        shutil.copy(fonts / f"{name}.cff", tmp_path / folder)
    return find_faces([tmp_path], PROSE)


def test_fraktur_is_set_with_its_own_faces_only(
    sorted_faces: list[Face], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def noted(face: Face, form: bool, rng: np.random.Generator) -> object:
        drawn.append(face.kind)
        return draw_look(face, form, rng)

    monkeypatch.setattr("pagereader.training.generator.draw_look", noted)
    source = TextSource(PROSE, foreign={GERMAN: GERMAN_PROSE})
    for share, kinds in ((0.0, {"others", "narrow"}), (1.0, {"fraktur"})):
        source.mix = replace(source.mix, fraktur=share, forms=0.5)
        generator = LineGenerator(sorted_faces, source, seed=1)
        drawn.clear()
        assert all(generator.line(number).text for number in range(30))
        assert set(drawn) == kinds


def test_receipts_may_be_very_narrow(sorted_faces: list[Face]) -> None:
    rng = np.random.default_rng(0)
    face = next(face for face in sorted_faces if face.kind == "narrow")
    widths = [draw_look(face, True, rng).stretch * face.letter_width for _ in range(300)]
    assert min(widths) == pytest.approx(0.2, abs=0.02)
    assert sum(width < 0.27 for width in widths) > 60


def test_letters_lose_accents_that_fonts_lack(fonts: Path) -> None:
    face = Face(fonts / "helv.cff", frozenset("ctu\u010d\u4e2d\u1ef1"))
    assert face.only("ct\u010d\u1ef1\u4e2d") == "ct\u010du"
    assert bare("\u0158") == "R"


def test_models_are_taught_the_bare_letter_for_one_they_lack() -> None:
    checkpoint = load_checkpoint(str(bundled_model()))
    spelling = Spelling(checkpoint.tokenizer, min(checkpoint.ends), checkpoint.pad)
    dataset = LineDataset([], ImageRules(32, 640, 32, 8), spelling)
    assert dataset._spelled("\u010dty\u0159i dzie\u0144") == "\u010dty\u0159i dzien"
