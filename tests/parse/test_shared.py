"""Real ground truth, where it is beside the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from pagereader import write
from pagereader.parse import parse_transcription
from tests.write.checks import PAGE, check_alto, check_hocr, check_page


@pytest.fixture
def truths(shared: Path) -> list[Path]:
    return sorted((shared / "pages").glob("gt*/*.xml"))[::8]


def test_real_files_come_back_as_they_were(truths, tmp_path):
    for path in truths:
        root = etree.parse(str(path)).getroot()
        said = [e.findtext(f"{PAGE}TextEquiv/{PAGE}Unicode") for e in root.iter(f"{PAGE}TextLine")]
        (page,) = parse_transcription(path)
        assert sorted(line.text for line in page.lines) == sorted(said), path.name
        data = write.writer("page").render([page], [path.with_suffix(".jpg").name])
        check_page(data)
        (tmp_path / "again.xml").write_bytes(data)
        (again,) = parse_transcription(tmp_path / "again.xml")
        folded = [" ".join(line.text.split()) for line in page.lines]  # white space is no content
        assert [line.text for line in again.lines] == folded
        for mine, theirs in zip(again.lines, page.lines, strict=True):
            assert mine.id == theirs.id
            edges = np.clip(theirs.baseline, 0, (page.width - 1, page.height - 1))
            assert np.abs(mine.baseline[[0, -1]] - edges[[0, -1]]).max() <= 0.5, mine.id
        check_alto(write.writer("alto").render([page], ["a.jpg"]))
        check_hocr(write.writer("hocr").render([page], ["a.jpg"]), tmp_path)
