"""Small pages to look at: drawn text, words, flags, a table, and text that means harm."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from pagereader.document import Alternative, Flag, Line, Page, PageSource, Region, RegionType, Word
from pagereader.geometry import points, rectangle

WIDTH, HEIGHT = 800, 1100

HOSTILE = (
    "<img src=x onerror=\"document.title='run'\">",
    "</script><script>document.title='run'</script>",
    "<!--<script>document.title='run'//",
    "javascript:document.title='run'//\u2028document.title='run'",
    '"><svg/onload=document.title="run">',
    "{{script}} ${document.title='run'}",
)

LETTER = (
    "The \u017fecond letter of the year",
    "was carried over the moun-",
    "tains by a man named José",
    "who asked for no reward.",
)


def line(text: str, left: float, top: float, size: float = 24, **more: object) -> Line:
    """A line with evenly wide letters, its words and a confidence for each."""
    step = size * 0.5
    made = Line(
        rectangle(left, top, left + max(1, len(text)) * step, top + size * 1.3),
        points([[left, top + size], [left + max(1, len(text)) * step, top + size]]),
        height=size * 0.7,
        text=text,
        confidence=0.95 if text else None,
    )
    at = 0
    for word in text.split():
        start = text.index(word, at)
        at = start + len(word)
        box = rectangle(left + start * step, top, left + at * step, top + size * 1.3)
        made.words.append(Word(word, box, 0.97))
    for name, value in more.items():
        setattr(made, name, value)
    return made


def letter(index: int = 0, count: int = 3, path: str = "letters.pdf") -> Page:
    """A page with a heading, a paragraph with doubtful words and flags, and a small table."""
    heading = Region(rectangle(80, 70, 500, 130), RegionType.HEADING)
    heading.lines = [line(f"Letter {index + 1}", 90, 80, 40)]
    body = Region(rectangle(80, 180, 720, 420))
    body.lines = [line(text, 90, 190 + 50 * number) for number, text in enumerate(LETTER)]
    body.lines[1].words[2].confidence = 0.4
    body.lines[2].flags = frozenset({Flag.TRUNCATED})
    body.lines[2].alternatives = [Alternative("tains by a man named Jose", 0.41)]
    body.lines.append(line("", 90, 400, flags=frozenset({Flag.FAILED}), error="no memory left"))
    table = Region(rectangle(80, 500, 720, 640), RegionType.TABLE)
    for row in range(2):
        for column in range(2):
            left, top = 90 + 300 * column, 510 + 60 * row
            cell = Region(rectangle(left, top, left + 250, top + 50), row=row, column=column)
            cell.lines = [line(f"cell {row}.{column}", left + 10, top + 5)]
            table.regions.append(cell)
    return Page(
        WIDTH, HEIGHT, PageSource(path, index, count), [heading, body, table], language="en"
    )


def hostile() -> Page:
    """A page whose every string tries to run something."""
    region = Region(rectangle(50, 50, 750, 600))
    region.lines = [line(text, 60, 60 + 60 * at, 18) for at, text in enumerate(HOSTILE)]
    region.lines[0].alternatives = [Alternative(text) for text in HOSTILE]
    region.lines[1].error = HOSTILE[0]
    region.lines[1].flags = frozenset({Flag.FAILED})
    source = PageSource("a'\"><img src=x onerror=alert(1)>\udcff\n&.png", 0, 1)
    return Page(WIDTH, HEIGHT, source, [region], language='en"><script>')


def drawn(page: Page) -> Image.Image:
    """The image that the lines of ``page`` were read on."""
    image = Image.new("RGB", (page.width, page.height), "#f4efe4")
    pen = ImageDraw.Draw(image)
    for found in page.lines:
        left, top = found.polygon[0]
        font = ImageFont.load_default(size=found.height / 0.7)
        pen.text((left, top), found.text, fill="#2a2420", font=font)
    return image
