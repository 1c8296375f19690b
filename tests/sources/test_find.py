"""Which files a call means, and in which order."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from pagereader.errors import InputError, UsageError
from pagereader.options import Options
from pagereader.sources import InputFile, find_inputs, natural_order


def image(path: Path, value: int = 9) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (30, 20), value).save(path, "PNG")
    return path


def names(*paths: Path, recursive: bool = False) -> list[str]:
    return [file.relative for file in find_inputs(paths, recursive=recursive)]


def problem(file: InputFile) -> str:
    with pytest.raises(InputError) as caught:
        file.pages(Options())
    assert caught.value.advice
    return str(caught.value)


def test_natural_order() -> None:
    wanted = ["1.png", "2.png", "10.png", "a1", "a2b3", "a2b20", "a10", "b", "é"]
    assert sorted({*wanted}, key=natural_order) == wanted
    assert natural_order("٣²") == natural_order("٣²")  # digits that int() would not take


def test_a_folder(tmp_path: Path) -> None:
    for name in ("10.png", "9.png", ".hidden.png", "scan without suffix", "sub/1.png"):
        image(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a page")
    (tmp_path / "9.xml").write_text('<?xml version="1.0"?><PcGts/>')
    (tmp_path / "broken.tif").write_text("not a page either")
    assert names(tmp_path) == ["9.png", "10.png", "broken.tif", "scan without suffix"]
    assert names(tmp_path, recursive=True) == [
        "9.png", "10.png", "broken.tif", "scan without suffix", "sub/1.png",
    ]  # fmt: skip


def test_pages_of_foreign_kinds_are_not_passed_over(tmp_path: Path) -> None:
    image(tmp_path / "1.png")
    Image.new("L", (9, 9)).save(tmp_path / "2.BMP", "BMP")
    Image.new("L", (9, 9)).save(tmp_path / "3.gif", "GIF")
    page, *foreign = find_inputs([tmp_path])
    assert len(page.pages(Options())) == 1
    assert len(foreign) == 2
    for file in foreign:
        with pytest.raises(InputError, match="is of a kind that is not read"):
            file.pages(Options())


def test_folders_that_are_not_entered_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("in/1.png", "in/sub/1.png", "in/out/.pagereader/x.png", "in/.hidden/1.png"):
        image(tmp_path / name)
    assert names(tmp_path / "in") == ["1.png"]
    assert "were not entered (1)" in caplog.text
    caplog.clear()
    assert len(names(tmp_path / "in", recursive=True)) == 2
    assert not caplog.text


def test_several_inputs_keep_their_order(tmp_path: Path) -> None:
    a, b = image(tmp_path / "b/1.png"), image(tmp_path / "a/1.png")
    assert [file.path for file in find_inputs([str(a), b, tmp_path / "a"])] == [
        str(a),
        str(b),
    ] * 1 + [str(b)]


def test_a_named_transcription_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "page.xml"
    path.write_text('<?xml version="1.0"?><PcGts/>')
    (ref,) = next(iter(find_inputs([path]))).pages(Options())
    assert ref.kind == "transcription"
    with pytest.raises(InputError, match="is a transcription"):
        ref.load(Options())


def test_missing_file_is_yielded_and_raises_later(tmp_path: Path) -> None:
    good = image(tmp_path / "good.png")
    missing, found = find_inputs([tmp_path / "absent.png", good])
    assert "does not exist" in problem(missing)
    assert len(found.pages(Options())) == 1


def test_links(tmp_path: Path) -> None:
    outside = image(tmp_path / "outside/secret.png")
    root = tmp_path / "root"
    image(root / "1.png")
    image(root / "sub/2.png")
    (root / "inside.png").symlink_to(root / "1.png")
    (root / "out.png").symlink_to(outside)
    (root / "gone.png").symlink_to(root / "nothing")
    (root / "folder").symlink_to(outside.parent)
    (root / "sub/loop").symlink_to(root)
    files = {file.relative: file for file in find_inputs([root], recursive=True)}
    assert sorted(files) == ["1.png", "folder", "gone.png", "inside.png", "out.png", "sub/2.png"]
    assert "link out of the folder" in problem(files["out.png"])
    assert "link out of the folder" in problem(files["folder"])
    assert "does not exist" in problem(files["gone.png"])
    assert len(files["inside.png"].pages(Options())) == 1


def test_a_link_that_the_user_named_is_followed(tmp_path: Path) -> None:
    image(tmp_path / "real/1.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert names(tmp_path / "link") == ["1.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    image(tmp_path / "1.png")
    image(tmp_path / "locked/2.png")
    image(tmp_path / "closed.png").chmod(0)
    (tmp_path / "locked").chmod(0)
    try:
        files = list(find_inputs([tmp_path], recursive=True))
        assert [file.relative for file in files] == ["1.png", "closed.png", "locked"]
        assert "permission" in problem(files[1])
        assert "cannot be opened" in problem(files[2])
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_an_unreadable_folder_is_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image(tmp_path / "locked/2.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (file,) = find_inputs([tmp_path], recursive=True)
    assert file.relative == "locked"
    assert "cannot be opened: Permission denied" in problem(file)


@pytest.mark.parametrize("name", ["a & b", "a;b", 'a"b', "a'b", "a b", "a\nb", "caf\udce9", "ß√"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    try:
        path = image(tmp_path / f"{name}.png")
        (tmp_path / f"{name}-empty.png").touch()
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    files = list(find_inputs([tmp_path]))
    assert {file.path for file in files} == {str(path), str(tmp_path / f"{name}-empty.png")}
    good = next(file for file in files if file.path == str(path))
    assert good.pages(Options())[0].load(Options()).width == 30
    bad = next(file for file in files if file is not good)
    message = problem(bad)
    assert "\n" not in message
    message.encode()


class FakeStdin:
    """A pipe with ``data`` in it."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    frames = [Image.new("L", (30, 20), value) for value in (1, 2)]
    frames[0].save(out, "TIFF", save_all=True, append_images=frames[1:])
    monkeypatch.setattr("sys.stdin", FakeStdin(out.getvalue()))
    (file,) = find_inputs(["-"])
    first, second = file.pages(Options())
    assert first.load(Options()).pixels[0, 0] == 1
    page = second.load(Options())
    assert page.pixels[0, 0] == 2
    assert page.image_path == ""
    assert page.source.path == "-"
    with pytest.raises(UsageError):
        file.pages(Options(pages="3"))


def test_pdf_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    import pymupdf

    document = pymupdf.open()
    document.new_page(width=72, height=72)
    monkeypatch.setattr("sys.stdin", FakeStdin(document.tobytes()))
    (file,) = find_inputs(["-"])
    assert file.pages(Options())[0].load(Options(dpi=72)).width == 72


def test_standard_input_is_bounded_and_must_hold_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pagereader.sources.find.MAX_STDIN", 10)
    monkeypatch.setattr("sys.stdin", FakeStdin(b"x" * 11))
    assert "larger than" in problem(next(find_inputs(["-"])))
    monkeypatch.setattr("sys.stdin", FakeStdin(b""))
    assert "standard input is empty" in problem(next(find_inputs(["-"])))


def test_a_transcription_on_standard_input_has_no_image_beside_it() -> None:
    file = InputFile("-", "stdin", data=b'<?xml version="1.0"?><PcGts/>')
    with pytest.raises(InputError, match="standard input is a transcription"):
        file.pages(Options())
