"""Reports of an evaluation: a table for programs, a page for people."""

from __future__ import annotations

import csv
import html
import io

from pagereader.evaluate.compare import Evaluation, LineComparison, PageComparison, Scores
from pagereader.evaluate.confusions import Confusion, differences

TSV_COLUMNS = (
    "page",
    "line",
    "characters",
    "character_edits",
    "cer",
    "words",
    "word_edits",
    "wer",
    "word_f1",
    "line_f1",
    "truth",
    "reading",
    "note",
)
WORST_LINES = 60
"""Lines shown on a page of the report: the worst ones."""
WORST_CONFUSIONS = 40

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd;
  vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
del { background: #ffd9d9; color: #a00; text-decoration: none }
ins { background: #d6f5d6; color: #060; text-decoration: none }
.text { font-family: ui-serif, Georgia, serif; white-space: pre-wrap; overflow-wrap: anywhere }
.note { color: #a00 }
summary { cursor: pointer }
code { background: #f4f4f4; padding: 0 .2rem; white-space: pre }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818 } th, td { border-color: #444 }
  del { background: #5a1c1c; color: #fbb } ins { background: #1c4a1c; color: #bfb }
  code { background: #2a2a2a } .note { color: #f99 } }
"""


def summary(evaluation: Evaluation) -> str:
    """Return the totals in a few lines for the terminal."""
    scores, found = evaluation.scores, evaluation.found
    characters, words = scores.characters, scores.words
    lines = [
        f"pages        {len(evaluation.pages)}",
        f"CER          {characters.value:.4f}  ({characters.edits} of {characters.length})",
        f"WER          {words.value:.4f}  ({words.edits} of {words.length})",
        f"word F1      {scores.bag.f1:.4f}",
    ]
    by_line = evaluation.line_scores
    if by_line is not None:
        lines.append(f"CER by line  {by_line.characters.value:.4f}")
    if found is not None:
        lines.append(
            f"line F1      {found.f1:.4f}  (found {found.matched} of {found.truth}, "
            f"{found.found - found.matched} too many)"
        )
    missing = [page.name for page in evaluation.pages if page.note]
    if missing:
        lines.append(f"not read     {len(missing)}: {', '.join(missing[:5])}")
    if evaluation.unreadable:
        names = ", ".join(list(evaluation.unreadable)[:5])
        lines.append(f"truth lost   {len(evaluation.unreadable)}: {names}")
    if evaluation.unused:
        lines.append(f"not in truth {len(evaluation.unused)}: {', '.join(evaluation.unused[:5])}")
    return "\n".join(lines)


def tsv(evaluation: Evaluation) -> str:
    """Return one row for the whole, one a page and one a line, with a header."""
    out = io.StringIO()
    table = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    table.writerow(TSV_COLUMNS)
    found = evaluation.found
    line_f1 = "" if found is None else f"{found.f1:.4f}"
    table.writerow(["ALL", "", *_figures(evaluation.scores), line_f1, "", "", ""])
    for page in evaluation.pages:
        page_f1 = "" if page.found is None else f"{page.found.f1:.4f}"
        table.writerow([page.name, "", *_figures(page.scores), page_f1, "", "", page.note])
        for line in page.lines:
            texts = [line.truth or "", line.reading or "", _fate(line)]
            table.writerow([page.name, line.id, *_figures(line.scores), "", *texts])
    return out.getvalue()


def html_report(evaluation: Evaluation, title: str = "Evaluation") -> str:
    """Return a page of HTML that needs nothing else: totals, confusions, marked differences."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{_text(title)}</title><style>{STYLE}</style>",
        f"<h1>{_text(title)}</h1>",
        f"<pre>{_text(summary(evaluation))}</pre>",
        *(
            f'<p class="note">{_text(f"{name} is not counted: {why}")}</p>'
            for name, why in evaluation.unreadable.items()
        ),
        f"<p>{_text(_rules(evaluation))} <del>Red</del> is missing in the reading, "
        "<ins>green</ins> is wrongly there.</p>",
        _confusion_table(evaluation.confusions()[:WORST_CONFUSIONS]),
        _page_table(evaluation.pages),
        *(_page(number, page) for number, page in enumerate(evaluation.pages, 1)),
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def marked(truth: str, reading: str) -> str:
    """Return HTML of the truth with the reading's differences marked."""
    out = []
    for part in differences(truth, reading):
        if part.equal:
            out.append(_text(part.truth))
            continue
        if part.truth:
            out.append(f"<del>{_text(part.truth)}</del>")
        if part.reading:
            out.append(f"<ins>{_text(part.reading)}</ins>")
    return "".join(out)


def _figures(scores: Scores) -> list[str]:
    characters, words = scores.characters, scores.words
    return [
        str(characters.length),
        str(characters.edits),
        f"{characters.value:.4f}",
        str(words.length),
        str(words.edits),
        f"{words.value:.4f}",
        f"{scores.bag.f1:.4f}",
    ]


def _fate(line: LineComparison) -> str:
    if line.truth is None:
        return "not in truth"
    return "not found" if line.reading is None else ""


def _rules(evaluation: Evaluation) -> str:
    rules = evaluation.rules
    ignored = [
        name
        for name, is_so in (
            ("case", rules.ignore_case),
            ("punctuation", rules.ignore_punctuation),
            ("the style of quotes and dashes", rules.fold_typography),
            ("hyphens at line ends", rules.join_hyphens),
        )
        if is_so
    ]
    unicode = "no Unicode normalisation" if rules.form == "none" else f"Unicode {rules.form}"
    return f"Compared with {unicode}" + (f", blind to {', '.join(ignored)}." if ignored else ".")


def _confusion_table(rows: list[Confusion]) -> str:
    if not rows:
        return ""
    body = "".join(
        f"<tr><td><code>{_shown(c.truth)}</code></td><td><code>{_shown(c.reading)}</code></td>"
        f'<td class="n">{c.count}</td><td class="n">{c.edits}</td></tr>'
        for c in rows
    )
    return (
        "<h2>What costs most</h2><table><tr><th>There stood</th><th>Read as</th>"
        f'<th class="n">Times</th><th class="n">Edits</th></tr>{body}</table>'
    )


def _page_table(pages: list[PageComparison]) -> str:
    body = "".join(
        f'<tr><td><a href="#page{i}">{_text(page.name)}</a></td>'
        f'<td class="n">{page.scores.characters.value:.4f}</td>'
        f'<td class="n">{page.scores.words.value:.4f}</td>'
        f'<td class="n">{page.scores.bag.f1:.4f}</td>'
        f'<td class="n">{"" if page.found is None else f"{page.found.f1:.4f}"}</td>'
        f'<td class="note">{_text(page.note)}</td></tr>'
        for i, page in enumerate(pages, 1)
    )
    return (
        '<h2>Pages</h2><table><tr><th>Page</th><th class="n">CER</th><th class="n">WER</th>'
        f'<th class="n">Word F1</th><th class="n">Line F1</th><th></th></tr>{body}</table>'
    )


def _page(number: int, page: PageComparison) -> str:
    summary_line = f"{_text(page.name)}: CER {page.scores.characters.value:.4f}"
    head = f'<details id="page{number}"><summary>{summary_line}</summary>'
    if not page.lines:
        return f'{head}<p class="text">{marked(page.truth, page.reading)}</p></details>'
    worst = sorted(page.lines, key=lambda line: -line.scores.characters.edits)[:WORST_LINES]
    wrong = {id(line) for line in worst if line.scores.characters.edits}
    rows = "".join(
        f'<tr><td class="n">{line.scores.characters.edits}</td>'
        f'<td class="text">{marked(line.truth or "", line.reading or "")}</td>'
        f'<td class="note">{_fate(line)}</td></tr>'
        for line in page.lines
        if id(line) in wrong
    )
    note = f"<p>{len(wrong)} of {len(page.lines)} lines shown: those with most errors.</p>"
    return f"{head}{note}<table>{rows}</table></details>"


def _shown(text: str) -> str:
    return _text(text.replace(" ", "\u2423")) if text else "&empty;"


def _text(text: str) -> str:
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))
