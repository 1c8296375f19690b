"""Made-up pages with exact truth: text is drawn, and where it stands is noted."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pagereader.document import PageImage, PageSource

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "lazy",
    "dogs",
    "while",
    "seven",
    "wizards",
    "mix",
    "potions",
    "by",
    "night",
    "and",
    "Harold",
    "keeps",
    "every",
    "letter",
    "that",
    "Margaret",
    "sent",
    "from",
    "Lisbon",
    "in",
    "the",
    "spring",
    "of",
    "that",
    "year",
]


@cache
def font_of(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own font; opening it takes longer than drawing a line with it."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@dataclass
class DrawnPage:
    """A white page; every text drawn is a line of the truth, in reading order."""

    width: int = 1000
    height: int = 1400
    size: int = 24
    seed: int = 0
    lines: list[NDArray[np.float64]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image = Image.new("L", (self.width, self.height), 245)
        self.draw = ImageDraw.Draw(self.image)
        self.random = random.Random(self.seed)

    def text(self, x: float, y: float, text: str, size: int = 0, *, true: bool = True) -> float:
        """Draw one line with its baseline at y; return its right end."""
        font = font_of(size or self.size)
        self.draw.text((x, y), text, font=font, fill=30, anchor="ls")
        right = x + font.getlength(text)
        if true:
            self.lines.append(np.array([[x, y], [right, y]], np.float64))
        return right

    def phrase(self, width: float, size: int = 0) -> str:
        """Words that fill ``width`` pixels."""
        font = font_of(size or self.size)
        words = [self.random.choice(WORDS)]
        while font.getlength(" ".join(words)) < width - 5 * (size or self.size):
            words.append(self.random.choice(WORDS))
        return " ".join(words)

    def paragraph(
        self, x: float, y: float, width: float, count: int, leading: float = 1.5, size: int = 0
    ) -> float:
        """Draw lines of running text; return the y of the next baseline."""
        size = size or self.size
        for i in range(count):
            short = width * 0.6 if i == count - 1 else width
            self.text(x, y, self.phrase(short, size), size)
            y += leading * size
        return y

    @property
    def pixels(self) -> NDArray[np.uint8]:
        return np.asarray(self.image, np.uint8)

    def page(self, factor: float = 1.0) -> tuple[PageImage, list[NDArray[np.float64]]]:
        """The page as an image, made larger or smaller, with its baselines."""
        pixels = self.pixels
        if factor != 1:
            way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
            pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=way)
        return as_page(pixels), [line * factor for line in self.lines]

    def rotated(self, degrees: float) -> tuple[PageImage, list[NDArray[np.float64]]]:
        """The page turned clockwise about its middle, corners filled with paper."""
        h, w = self.pixels.shape
        turn = cv2.getRotationMatrix2D((w / 2, h / 2), -degrees, 1.0)
        cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
        size = int(w * cos + h * sin), int(w * sin + h * cos)
        turn[:, 2] += (size[0] - w) / 2, (size[1] - h) / 2
        pixels = cv2.warpAffine(self.pixels, turn, size, borderValue=(245,))
        return as_page(pixels), [line @ turn[:, :2].T + turn[:, 2] for line in self.lines]


def as_page(pixels: NDArray[np.uint8]) -> PageImage:
    return PageImage(np.ascontiguousarray(pixels), PageSource("drawn.png"))


def letter(seed: int = 0, size: int = 24) -> DrawnPage:
    page = DrawnPage(seed=seed, size=size)
    page.text(600, 120, "Lisbon, 4 March 1911")
    page.text(120, 220, "My dear Harold,")
    y = page.paragraph(120, 290, 760, 7)
    y = page.paragraph(120, y + 30, 760, 9)
    page.text(600, y + 50, "Yours ever,")
    page.text(640, y + 110, "Margaret")
    return page


def business_letter(seed: int = 0) -> DrawnPage:
    """A date over an address that is as wide as a column, and level with nothing of it."""
    page = DrawnPage(seed=seed)
    page.text(600, 100, "Lisbon, 4 March 1911")
    for i, line in enumerate(("Messrs. Harold and Lazy,", "Quick and Brown, Limited,")):
        page.text(120 + 60 * i, 180 + 44 * i, line)
    page.text(240, 268, "Over the Fox, Lisbon.")
    page.text(120, 330, "Dear Sirs:")
    y = page.paragraph(180, 400, 700, 1)
    page.paragraph(120, y, 760, 9)
    return page


def wide_spaced_letter(seed: int = 0) -> DrawnPage:
    """Lines with the wide gaps that typists leave after a full stop."""
    page = DrawnPage(seed=seed)
    font = font_of(page.size)
    for i in range(16):
        x, y = 120.0, 150 + 48 * i
        first = page.phrase(280) + "."
        page.text(x, y, first, true=False)
        middle = x + font.getlength(first) + 3.0 * 17 * (i % 2 + 0.4) / 1.4
        end = page.text(middle, y, page.phrase(380), true=False)
        page.lines.append(np.array([[x, y], [end, y]], np.float64))
    return page


def typed_report(seed: int = 0, gap: float = 78) -> DrawnPage:
    """Small type in long lines, some with white after a full stop that is six letters wide."""
    page = DrawnPage(seed=seed, size=16)
    font = font_of(page.size)
    for i in range(24):
        x, y = 110.0, 150 + 24.0 * i
        if i % 6 == 3:
            first = page.phrase(260) + "."
            page.text(x, y, first, true=False)
            rest = x + font.getlength(first) + gap
            end = page.text(rest, y, page.phrase(890 - rest), true=False)
        else:
            end = page.text(x, y, page.phrase(780), true=False)
        page.lines.append(np.array([[x, y], [end, y]], np.float64))
    return page


def spaced(
    page: DrawnPage, x: float, y: float, width: float, between_letters: float, between_words: float
) -> None:
    """Draw one line whose letters and words stand apart, more or less, as in some hands."""
    start, end = x, x
    while end < start + 0.85 * width:
        for letter in page.random.choice(WORDS):
            end = page.text(x, y, letter, true=False)
            x = end + between_letters * page.random.uniform(0.6, 1.3)
        x = end + between_words * page.random.uniform(0.8, 1.2)
    page.lines.append(np.array([[start, y], [end, y]], np.float64))


def loose(seed: int = 0, leading: float = 84) -> DrawnPage:
    """Lines further apart than usual for the size of their letters, as in large hands."""
    page = DrawnPage(seed=seed)
    for i in range(11):
        spaced(page, 100, 150 + leading * i, 800, 5, 22)
    return page


def far_words(seed: int = 0) -> DrawnPage:
    """Words more than two letter heights apart."""
    page = DrawnPage(seed=seed)
    for i in range(18):
        spaced(page, 100, 150 + 48 * i, 800, 1, 32)
    return page


def columns(count: int = 2, seed: int = 0, gutter: float = 50, size: int = 20) -> DrawnPage:
    """A heading over columns of running text."""
    page = DrawnPage(1200, 1500, size=size, seed=seed)
    page.text(300, 110, "Proceedings of the Society of Letters", 36)
    width = (1200 - 2 * 90 - (count - 1) * gutter) / count
    for k in range(count):
        x = 90 + k * (width + gutter)
        y = page.paragraph(x, 200, width, 14, 1.4)
        page.paragraph(x, y + 16, width, 17, 1.4)
    return page


def justified(page: DrawnPage, x: float, y: float, width: float, count: int) -> float:
    """Draw lines whose words are spaced to fill the width; return the y of the next baseline."""
    font = font_of(page.size)
    for _ in range(count):
        words = page.phrase(width + 6 * page.size).split()
        while font.getlength(" ".join(words)) > width:
            words.pop()
        free = width - sum(font.getlength(word) for word in words)
        at = x
        for word in words:
            page.text(at, y, word, true=False)
            at += font.getlength(word) + free / max(1, len(words) - 1)
        page.lines.append(np.array([[x, y], [x + width, y]], np.float64))
        y += 1.4 * page.size
    return y


def magazine(count: int = 2, seed: int = 0) -> DrawnPage:
    """Justified columns whose gutters are hardly wider than the gaps between words."""
    page = DrawnPage(1200, 1500, size=20, seed=seed)
    gutter = 24.0
    width = (1020 - (count - 1) * gutter) / count
    for k in range(count):
        justified(page, 90 + k * (width + gutter), 150, width, 26)
    return page


def typescript(seed: int = 0) -> DrawnPage:
    """Letters on a grid, where rivers of white run down the page."""
    page = DrawnPage(seed=seed)
    font = font_of(page.size)
    for i in range(24):
        text, y = page.phrase(900)[:56].strip(), 150 + 46.0 * i
        for k, letter_ in enumerate(text):
            left = 110 + 14.0 * k + (14 - font.getlength(letter_)) / 2
            page.text(left, y, letter_, true=False)
        page.lines.append(np.array([[110, y], [110 + 14.0 * len(text), y]], np.float64))
    return page


def tight_receipt(seed: int = 0) -> DrawnPage:
    """Columns of figures that stand little further apart than words do."""
    page = DrawnPage(560, 1200, size=24, seed=seed)
    page.text(150, 90, "GOLDEN KEY MAKER")
    page.text(140, 132, "47100 Puchong, Selangor")
    y = 220.0
    for _ in range(9):
        end = page.text(50, y, page.random.choice(("Normal key long", "Brass lock", "Oil can")))
        assert end < 260
        for right in (340, 420, 500):
            price = f"{page.random.randint(1, 9)}.{page.random.randint(10, 99)}"
            page.text(right - 47, y, price)
        y += 44
    page.text(130, y + 60, "Goods sold are not returnable")
    return page


def receipt(seed: int = 0) -> DrawnPage:
    page = DrawnPage(620, 1300, size=24, seed=seed)
    for i, head in enumerate(("HARDWARE AND PAINT", "14 Harbour Road", "Tel 555 0142")):
        page.text(310 - 7 * len(head), 90 + 42 * i, head)
    y = 260.0
    for name in ("Hammer small", "Nails 40 mm", "White paint", "Brush", "Glue", "Rope 5 m"):
        page.text(60, y, name)
        price = f"{page.random.randint(1, 90)}.{page.random.randint(10, 99)}"
        page.text(480, y, price)
        y += 42
    for name in ("Total", "Cash", "Change"):
        y += 42
        page.text(60, y, name)
        page.text(480, y, f"{page.random.randint(1, 90)}.{page.random.randint(10, 99)}")
    page.text(160, y + 100, "Thank you, come again")
    return page


def long_receipt(seed: int = 0) -> DrawnPage:
    """Lines of text as wide as a column over rows of names and prices, all within its width."""
    page = DrawnPage(620, 1300, size=24, seed=seed)
    y = page.paragraph(60, 90, 500, 6) + 40
    for _ in range(3):
        for _ in range(2):
            page.text(110, y, page.random.choice(("Total amount", "Accepted", "Change")))
            price = f"{page.random.randint(1, 9)}.{page.random.randint(10, 99)} RM"
            page.text(440, y - 3, price)  # a roll of paper does not run quite straight
            y += 40
        y += 44
    page.text(160, y + 60, "Thank you, come again")
    return page


def form(seed: int = 0) -> DrawnPage:
    page = DrawnPage(seed=seed)
    page.text(330, 110, "APPLICATION FOR LEAVE", 30)
    fields = ("Name", "Office", "Date of birth", "Reason", "Address", "Telephone", "Signed by")
    for i, name in enumerate(fields):
        y = 240 + 90 * i
        page.text(110, y, name + ":")
        page.text(420, y, page.phrase(300))
        page.draw.line([(410, y + 12), (860, y + 12)], fill=60, width=2)
    return page


def filled_form(seed: int = 0) -> DrawnPage:
    """Labels, and beside each what was filled in over a rule."""
    page = DrawnPage(seed=seed, size=18)
    labels = ("Name of the vessel", "Port of departure", "Cargo and weight", "Signature of master")
    for i in range(14):
        y = 120 + 60 * i
        page.text(90, y, page.random.choice(labels))
        page.text(420, y, page.phrase(200, 20), 20)
        page.draw.line((400, y + 8, 900, y + 8), fill=60, width=2)
    return page


def loose_columns(seed: int = 0) -> DrawnPage:
    """Two columns of lines far apart or level with each other, but not both as those of a form."""
    page = DrawnPage(seed=seed, size=18)
    if seed % 2:
        page.paragraph(90, 120, 360, 14, 60 / 18)
        page.paragraph(540, 140, 360, 13, 58 / 18)
    else:
        page.paragraph(90, 120, 360, 20, 1.9)
        page.paragraph(540, 120, 360, 20, 1.9)
    return page


def ruled_table(seed: int = 0, rows: int = 9) -> DrawnPage:
    page = DrawnPage(seed=seed)
    left, top, step = (100, 380, 620, 880), 200, 60
    for r in range(rows + 1):
        page.draw.line([(100, top + r * step), (880, top + r * step)], fill=40, width=2)
    for x in left:
        page.draw.line([(x, top), (x, top + rows * step)], fill=40, width=2)
    for r in range(rows):
        for x in left[:-1]:
            word = page.random.choice([w for w in WORDS if len(w) > 4])
            page.text(x + 25, top + r * step + 40, f"{word} {page.random.randint(10, 99)}")
    return page


def bordered(seed: int = 0) -> DrawnPage:
    """A letter on a scanner bed: black around it, and two punch holes."""
    page = letter(seed)
    w, h = page.width, page.height
    for box in ((0, 0, 40, h), (w - 30, 0, w, h), (0, 0, w, 35), (0, h - 50, w, h)):
        page.draw.rectangle(box, fill=8)
    for y in (450, 950):
        page.draw.ellipse((62, y, 92, y + 30), fill=15)
    return page
