from __future__ import annotations

import os
import stat
import threading

import pytest

from pagereader import write
from pagereader.errors import OutputError, UsageError
from pagereader.write import files


def test_writes_into_a_new_folder_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "new" / "deep" / "a.xml"
    write.write_atomically(target, b"x")
    assert target.read_bytes() == b"x"
    assert [p.name for p in target.parent.iterdir()] == ["a.xml"]


def test_keeps_what_is_there_unless_told_to_overwrite(tmp_path):
    target = tmp_path / "a.xml"
    target.write_bytes(b"old")
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        write.write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    write.write_atomically(target, b"new", overwrite=True)
    assert target.read_bytes() == b"new"


def test_a_failure_half_way_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    target = tmp_path / "a.xml"
    target.write_bytes(b"old")

    def broken(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", broken)
    with pytest.raises(OutputError, match="No space left") as caught:
        write.write_atomically(target, b"new", overwrite=True)
    assert "a.xml" in caught.value.message
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.xml"]


def test_an_interruption_leaves_no_rest(tmp_path, monkeypatch):
    def interrupted(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write.write_atomically(tmp_path / "a.xml", b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "file/below.xml", "a\0b", "x" * 300])
def test_impossible_targets_are_output_errors_on_one_line(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        write.write_atomically(os.path.join(tmp_path, name), b"x", overwrite=True)  # noqa: PTH118
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ['quote"&;\n.xml', "b\udcff.xml", "n" * 255])
def test_any_name_will_do(tmp_path, name):
    write.write_atomically(tmp_path / name, b"x")
    assert os.listdir(os.fsencode(tmp_path)) == [os.fsencode(name)]  # noqa: PTH208


def test_new_files_get_the_users_permissions_and_old_ones_keep_theirs(tmp_path):
    before = os.umask(0o027)
    try:
        write.write_atomically(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    (tmp_path / "a").chmod(0o600)
    write.write_atomically(tmp_path / "a", b"y", overwrite=True)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write.write_atomically(tmp_path / "link", b"new", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_pipe_is_written_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write.write_atomically(pipe, b"through")
    reader.join(10)
    assert got == [b"through"]


def test_file_systems_without_links_still_refuse_to_overwrite(tmp_path, monkeypatch):
    def unsupported(source, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(files.os, "link", unsupported)
    write.write_atomically(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"
    with pytest.raises(OutputError, match="exists already"):
        write.write_atomically(tmp_path / "a", b"y")


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.xml", "page"),
        ("a.page.xml", "page"),
        ("b/A.ALTO.XML", "alto"),
        ("a.hocr", "hocr"),
        ("a.html", "hocr"),
        ("a.txt", "txt"),
        ("a.b.json", "json"),
    ],
)
def test_the_suffix_names_the_format(name, format):
    assert write.format_of(name) == format


@pytest.mark.parametrize("name", ["a", "a.docx", ".", "xml"])
def test_an_unknown_suffix_is_a_usage_error_with_advice(name):
    with pytest.raises(UsageError) as caught:
        write.format_of(name)
    assert "-f" in caught.value.advice


def test_an_unknown_format_is_a_usage_error_that_lists_the_known():
    with pytest.raises(UsageError, match=r"page, alto, hocr"):
        write.writer("docx")


def test_the_registry_agrees_with_the_writers():
    for format, kind in write.WRITERS.items():
        assert kind.format == format
        assert write.format_of(f"a{kind.suffix}") == format
