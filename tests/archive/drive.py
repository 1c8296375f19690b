"""Runs an archive as its own process, so that tests can kill it: drive.py IN OUT FORMATS JOBS."""

from __future__ import annotations

import json
import sys

from pagereader.archive import progress, run_archive
from pagereader.errors import PagereaderError
from pagereader.options import Options
from pagereader.outputs import OutputPlan
from pagereader.sources import find_inputs


def main() -> int:
    source, out, formats, settings = sys.argv[1:5]
    chosen = json.loads(settings)
    mode = chosen.pop("progress", "quiet")
    overwrite = chosen.pop("overwrite", False)
    make = None
    if chosen.pop("fakes", False):
        from tests.archive.fakes import crew

        make = crew
    files = list(find_inputs([source], recursive=True))
    options = Options.of(recognizer="null", **chosen)
    plan = OutputPlan(f"{out}/", formats.split(","), files)
    try:
        summary = run_archive(
            files, plan, options, progress=progress(mode), overwrite=overwrite, workers=make
        )
    except PagereaderError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    print(summary.as_json())
    return int(summary.exit_code)


if __name__ == "__main__":
    sys.exit(main())
