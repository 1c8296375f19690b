"""Makes the samples beside this file: typeset pages, aged as scans are, with their true text.

    python samples/make_samples.py

Everything here is ours: the words, the layout and the damage. Fonts are the base-14 fonts that
PyMuPDF carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pymupdf
from numpy.typing import NDArray

HERE = Path(__file__).parent
DPI = 200
PAGE = (595, 842)  # points

LETTER = """\
Harbour Office, North Quay
14 March 1931

Dear Mr. Alder,

Your letter of the 9th reached us with the morning
boat. We have read the tide tables that you sent and
compared them with the marks on the old sea wall. In
two places the difference is more than 6 inches, and
I think the wall has sunk rather than the water risen.

The keeper of the light agrees. He has kept a diary
since 1904 and writes down the height of every spring
tide. If you wish to see it, the book may be read here
on any weekday between 10 and 4 o'clock.

Please bring your own lamp, as the store room is dark.

Yours truly,

E. Marsh
Harbour Clerk"""

BOOK_HEAD = "THE KEEPER OF TIDES"
BOOK_NUMBER = "27"
BOOK = [
    """The winter of that year came early to the coast. By the first week of November the
nets were hung under the roof of the boat house, and the men sat beside the stove and
spoke of other winters. Nobody had yet seen ice between the two islands, but the oldest
of them said that it would come, and he was seldom wrong about ice.""",
    """In the third week the wind went round to the east and stayed there. It carried a fine
dry snow, which lay on the water for a moment before it was gone. The mail boat came
twice, then once, and then her captain sent word that he would wait for better weather.
So the village was alone with what it had: forty barrels of flour, the salted fish, two
cows, and the long shelf of books in the house of the keeper.""",
    """It was then that the children began to go there after school. They were not asked and
they were not sent away. The keeper read at the table, they read on the floor, and the
clock on the wall was the only one of them who spoke. When the lamp was lit upstairs
they went home through the snow, each with a page still open in the mind.""",
]

LIST_TITLE = "INVENTORY OF THE STORE ROOM"
LIST = [
    ("Lamp oil, tins", "48", "12.40"),
    ("Rope, hemp, fathoms", "310", "27.90"),
    ("Candles, boxes", "16", "3.20"),
    ("Charts of the sound", "9", "18.00"),
    ("Blankets, wool", "24", "36.50"),
    ("Brass polish, pots", "5", "1.75"),
    ("Paper, reams", "7", "4.90"),
    ("Iron nails, pounds", "62", "9.30"),
]

LEFT_COLUMN = """\
A garden beside the sea has
two enemies, the salt and the
wind. Against the first there
is fresh water, against the
second there is patience. A
hedge of thorn will grow in
seven years to the height of
a man, and behind it almost
anything will live."""
RIGHT_COLUMN = """\
Begin with roots: beet, carrot
and turnip do not mind a poor
soil. Then plant beans where
the wall keeps the warmth of
the day. Leave the apple for
the last, and when it bears
its first fruit, call in your
neighbours, for you have made
a garden out of a beach."""
COLUMNS_HEAD = "NOTES ON A GARDEN BY THE SEA"


@dataclass(frozen=True)
class Sheet:
    """A typeset page and its text as a reader should see it."""

    document: pymupdf.Document
    text: str


def blank() -> tuple[pymupdf.Document, pymupdf.Page]:
    document = pymupdf.open()
    return document, document.new_page(width=PAGE[0], height=PAGE[1])


def put(page: pymupdf.Page, x: float, y: float, text: str, font: str, size: float) -> None:
    page.insert_text((x, y), text, fontname=font, fontsize=size)


def typed_letter() -> Sheet:
    document, page = blank()
    y = 90.0
    for line in LETTER.splitlines():
        put(page, 70, y, line, "cour", 12.5)
        y += 24 if line else 14
    return Sheet(document, LETTER)


def book_page() -> Sheet:
    document, page = blank()
    put(page, 210, 70, BOOK_HEAD, "tiro", 11)
    y = 120.0
    for paragraph in BOOK:
        for number, line in enumerate(paragraph.splitlines()):
            put(page, 92 if number == 0 else 75, y, line, "tiro", 11.5)
            y += 19
        y += 8
    put(page, 290, 790, BOOK_NUMBER, "tiro", 11)
    return Sheet(document, "\n\n".join([BOOK_HEAD, *BOOK, BOOK_NUMBER]))


def inventory() -> Sheet:
    document, page = blank()
    put(page, 150, 100, LIST_TITLE, "hebo", 15)
    y = 170.0
    rows = []
    for name, count, price in LIST:
        put(page, 80, y, name, "helv", 13)
        put(page, 330, y, count, "helv", 13)
        put(page, 450, y, price, "helv", 13)
        rows.append(f"{name}\n{count}\n{price}")
        y += 42
    return Sheet(document, "\n\n".join([LIST_TITLE, *rows]))


def two_columns() -> Sheet:
    document, page = blank()
    put(page, 150, 90, COLUMNS_HEAD, "tibo", 16)
    for x, column in ((70, LEFT_COLUMN), (325, RIGHT_COLUMN)):
        for number, line in enumerate(column.splitlines()):
            put(page, x, 150 + 24 * number, line, "tiro", 15)
    return Sheet(document, "\n\n".join([COLUMNS_HEAD, LEFT_COLUMN, RIGHT_COLUMN]))


def typeset(sheet: Sheet) -> NDArray[np.uint8]:
    """Grey pixels of a sheet's page at DPI."""
    pixmap = sheet.document[0].get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY)
    return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width).copy()


def age(page: NDArray[np.uint8], seed: int, skew: float = 0.0) -> NDArray[np.uint8]:
    """Uneven light, faded ink, paper grain, specks, a stain and a little blur; then skew."""
    random = np.random.default_rng(seed)
    height, width = page.shape
    ink = 1 - page.astype(np.float32) / 255
    fade = cv2.resize(random.uniform(0.6, 1.0, (9, 7)).astype(np.float32), (width, height))
    light = cv2.resize(random.uniform(205, 240, (4, 3)).astype(np.float32), (width, height))
    stain = np.zeros(page.shape, np.float32)
    centre = (int(random.uniform(0.2, 0.8) * width), int(random.uniform(0.5, 0.9) * height))
    cv2.circle(stain, centre, width // 9, 1.0, -1)
    stain = cv2.GaussianBlur(stain, (0, 0), width / 50)
    paper = light - 22 * stain
    aged = paper * (1 - ink * fade) + 45 * ink * fade
    specks = random.random(page.shape) < 0.00004
    aged[cv2.dilate(specks.astype(np.uint8), np.ones((2, 2), np.uint8)) > 0] = 90
    if skew:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), skew, 1)
        aged = cv2.warpAffine(aged, turn, (width, height), borderValue=222)
    aged = cv2.GaussianBlur(aged, (0, 0), 0.7) + random.normal(0, 3, page.shape)
    return np.clip(aged, 0, 255).astype(np.uint8)


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()


def scanned_pdf(pages: list[NDArray[np.uint8]], path: Path) -> None:
    """A PDF as scanners make it: each page one full-page JPEG."""
    document = pymupdf.open()
    for pixels in pages:
        page = document.new_page(width=PAGE[0], height=PAGE[1])
        page.insert_image(page.rect, stream=jpeg(pixels))
    document.save(path, garbage=4, no_new_id=True)


def main() -> None:
    letter = [typed_letter(), book_page(), inventory()]
    pixels = [age(typeset(sheet), seed) for seed, sheet in enumerate(letter)]
    scanned_pdf(pixels, HERE / "letter.pdf")
    (HERE / "letter.txt").write_text("\f".join(sheet.text for sheet in letter) + "\n", "utf-8")
    skewed = book_page()
    (HERE / "skewed.jpg").write_bytes(jpeg(age(typeset(skewed), 11, skew=-2.4)))
    (HERE / "skewed.txt").write_text(skewed.text + "\n", "utf-8")
    columns = two_columns()
    (HERE / "columns.jpg").write_bytes(jpeg(age(typeset(columns), 12)))
    (HERE / "columns.txt").write_text(columns.text + "\n", "utf-8")


if __name__ == "__main__":
    main()
