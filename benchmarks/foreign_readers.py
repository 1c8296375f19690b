"""Reads our files with another program's own reader and prints what it saw, as JSON.

Run by interop.py with the interpreter that has the program; imports nothing of ours.

    python foreign_readers.py TOOL FILE...
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent


def kraken(path: str) -> dict[str, Any]:
    """Lines, their baselines and outlines as kraken would train on them."""
    from kraken.lib.xml import XMLPage

    segmentation = XMLPage(path).to_container()
    return {
        "lines": [
            {"text": line.text, "baseline": line.baseline, "polygon": line.boundary}
            for line in segmentation.lines
        ]
    }


def ocrd(path: str) -> dict[str, Any]:
    """Everything that OCR-D's validator objects to, at its strictest."""
    from ocrd_validators import PageValidator

    report = PageValidator.validate(
        filename=path,
        page_textequiv_consistency="strict",
        check_baseline=True,
        check_coords=True,
    )
    return {"errors": [str(error) for error in (*report.errors, *report.warnings)]}


def page_to_alto(path: str) -> dict[str, Any]:
    """The ALTO that OCR-D's converter makes of our PAGE."""
    import ocrd_page_to_alto  # noqa: F401  says whether it is there

    options = ["--alto-version", "4.2", "--no-check-words", "--no-check-border"]
    options += ["--region-order", "reading-order", "--dummy-word"]
    result = _run(["page-to-alto", *options, "-l", "ERROR", path])
    return {"xml": result}


def ocrmypdf(path: str) -> dict[str, Any]:
    """Lines and words of the first page as OCRmyPDF would lay them under the scan."""
    from ocrmypdf.hocrtransform import HocrParser

    page = HocrParser(path).parse()
    lines = [line for paragraph in page.children for line in paragraph.children]
    return {
        "page": [page.bbox.left, page.bbox.top, page.bbox.right, page.bbox.bottom],
        "dpi": page.dpi,
        "lines": [
            {
                "text": " ".join(word.text for word in line.children),
                "box": _corners(line.bbox),
                "words": [_corners(word.bbox) for word in line.children],
                "slope": line.baseline.slope if line.baseline else None,
            }
            for line in lines
        ],
    }


def _corners(box: Any) -> list[float]:
    return [box.left, box.top, box.right, box.bottom]


def hocr_tools(path: str) -> dict[str, Any]:
    """What hocr-check objects to, and the lines that hocr-lines prints."""
    checked = subprocess.run(
        [BIN / "hocr-check", "--nooverlap", path], capture_output=True, text=True, check=True
    )
    errors = [line for line in checked.stderr.splitlines() if line.startswith("not ok")]
    return {"errors": errors, "texts": _run(["hocr-lines", path]).splitlines()}


def dinglehopper(path: str) -> dict[str, Any]:
    """The text that would be compared with ground truth."""
    import dinglehopper  # noqa: F401

    return {"texts": _run(["dinglehopper-extract", path]).splitlines()}


def alto_tools(path: str) -> dict[str, Any]:
    """Text and mean word confidence."""
    texts = _run(["alto-tools", "-t", path]).splitlines()
    confidence = _run(["alto-tools", "-c", path]).rpartition(":")[2]
    return {"texts": [text.strip() for text in texts], "confidence": float(confidence)}


def _run(command: list[str]) -> str:
    tool = BIN / command[0]
    if not tool.exists():
        raise ModuleNotFoundError(command[0])
    with tempfile.TemporaryDirectory() as folder:  # some tools write logs where they run
        result = subprocess.run(
            [tool, *command[1:]], capture_output=True, text=True, cwd=folder, check=False
        )
    if result.returncode:
        raise RuntimeError(result.stderr.strip().splitlines()[-1] if result.stderr else "failed")
    return result.stdout


TOOLS = {
    function.__name__: function
    for function in (kraken, ocrd, page_to_alto, ocrmypdf, hocr_tools, dinglehopper, alto_tools)
}


if __name__ == "__main__":
    try:
        seen = {"files": [TOOLS[sys.argv[1]](path) for path in sys.argv[2:]]}
    except ImportError as missing:
        seen = {"missing": f"{missing}"}
    print(json.dumps(seen))
