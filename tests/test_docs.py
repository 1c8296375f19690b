"""The documentation is true: its commands run, its options exist, its messages are ours."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from pagereader.cli import COMMANDS, cli

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
SOURCE = "\n".join(file.read_text("utf-8") for file in sorted((ROOT / "pagereader").rglob("*.py")))
NOT_OURS = ("make ", "git ", "pip ", "python ", "cd ")
"""Commands in ``sh`` blocks that set things up; those of pagereader are checked."""


WITH_MODEL = {"getting-started": 1, "models": 1, "troubleshooting": 9}
"""How many reading commands of a page run with the model, which takes its time to load: the first
ones. The rest, which are about files and not about text, run with the null recogniser."""


_OTHERS = "|".join(sorted(set(COMMANDS) - {"transcribe"}))
READS = re.compile(f"^pagereader (?!{_OTHERS})")


@dataclass(frozen=True)
class Block:
    kind: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command of a ``console`` block and the lines that it is said to print."""

    text: str
    expected: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        said = re.search(r"# exit code (\d+)", self.text)
        return int(said[1]) if said else 0


def blocks(page: Path) -> list[Block]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    return [Block(kind, text) for kind, text in found]


def commands(block: Block) -> list[Command]:
    parts = re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.M)
    assert parts[0] == "", f"a console block starts with a command: {parts[0]!r}"
    rows = [part.rstrip("\n").split("\n") for part in parts[1:]]
    return [Command(first, tuple(row for row in rest if row.strip())) for first, *rest in rows]


def run(command: list[str], folder: Path) -> tuple[int, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "HF_HUB_OFFLINE": "1", "COLUMNS": "100"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=200,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "samples", tmp_path, dirs_exist_ok=True)
    with_model = WITH_MODEL.get(page.stem, 0)
    for block in blocks(page):
        for command in commands(block) if block.kind == "console" else []:
            text = command.text
            if READS.match(text):
                with_model -= 1
                text = text if with_model >= 0 else READS.sub("pagereader --recognizer null ", text)
            code, output = run(["bash", "-c", text], tmp_path)
            assert code == command.exit_code, f"{command.text}\n{output}"
            check_output(command, output)
    programs = [block.text for block in blocks(page) if block.kind == "python"]
    if programs:
        # One process, so that torch loads once; each program with names of its own.
        runner = f"for program in {programs!r}:\n    exec(program, {{}})"
        code, output = run([sys.executable, "-c", runner], tmp_path)
        assert code == 0, output


def check_output(command: Command, output: str) -> None:
    """Every line that the page shows must be printed, in that order; "..." stands for any."""
    at = 0
    for row in command.expected:
        if row.strip() == "...":
            continue
        found = output.find(row.strip(), at)
        assert found >= 0, f"{command.text}\nshould print: {row}\nprinted: {output}"
        at = found + len(row.strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_that_are_not_run_are_at_least_understood(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("fonts", "texts"):  # some commands look whether their inputs are there
        Path(folder).mkdir()
    for block in blocks(page):
        assert block.kind in ("console", "python", "sh", "text"), block
        if block.kind != "sh":
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith(NOT_OURS):
                understood(shlex.split(line, comments=True))


def understood(arguments: list[str]) -> None:
    """Parse a call of pagereader as the program would, without running it."""
    assert arguments[0] == "pagereader", arguments
    context = cli.make_context("pagereader", arguments[1:])
    name, command, rest = cli.resolve_command(context, [*context._protected_args, *context.args])
    assert isinstance(command, click.Command)
    command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_and_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    options = {
        name
        for command in all_commands(cli)
        for option in command.params
        for name in (*option.opts, *option.secondary_opts)
    }
    for option in re.findall(r"`(--?[a-zA-Z][\w-]*)", text):
        assert option in options | {"--help", "--version", "-vv"}, option
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def all_commands(group: click.Group) -> list[click.Command]:
    context = click.Context(group)
    found = [group.get_command(context, name) for name in group.list_commands(context)]
    return [group, *(command for command in found if command is not None)]


def test_messages_are_ours() -> None:
    """Headings of the troubleshooting page quote messages; "..." stands for what varies."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    quoted = re.findall(r"^### `(.+)`$", text, re.M)
    assert len(quoted) > 8
    for message in quoted:
        for part in message.split("..."):
            assert part.strip() in SOURCE, message
