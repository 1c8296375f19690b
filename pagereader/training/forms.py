"""Text of receipts, forms and fax notices, composed by rule.

Prose has none of it: prices, codes, telephone numbers, addresses, and labels before values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Rng = np.random.Generator
T = TypeVar("T")

SUMS = (
    *("TOTAL", "SUBTOTAL", "SUB TOTAL", "GRAND TOTAL", "CASH", "CHANGE", "ROUNDING", "DISCOUNT"),
    *("AMOUNT DUE", "BALANCE", "VISA", "TAX", "GST", "NET", "DEPOSIT", "Total Sales", "Amount"),
)
HEADS = (
    *("TAX INVOICE", "RECEIPT", "INVOICE", "CASH BILL", "THANK YOU", "PLEASE COME AGAIN"),
    *("QTY PRICE AMOUNT", "CONFIDENTIAL", "FAX MESSAGE", "ORDER FORM", "FOR OFFICE USE ONLY"),
    *("GOODS SOLD ARE NOT RETURNABLE", "PAGE 1 OF 2", "Item(s)", "Summary"),
)
LABELS = (
    *("DATE", "TIME", "TO", "FROM", "RE", "FAX", "TEL", "Phone", "Name", "Address", "Invoice No"),
    *("Cashier", "Table", "Doc No.", "GST ID", "REG NO", "Account", "Subject", "Quantity"),
    *("Signature", "Department", "PAGES", "Title", "City", "BRAND", "Received by", "Member"),
)
STREETS = ("STREET", "ROAD", "AVENUE", "LANE", "PARK", "JALAN", "Street", "Road", "Ave.", "Blvd.")
TITLES = ("SDN BHD", "SDN. BHD.", "LTD", "LTD.", "INC.", "CO.", "& SONS", "ENTERPRISE", "TRADING")
TAXED = ("", " (RM)", " INCLUSIVE GST", " EXCL. GST", " INCL. TAX", " ITEM", " PAYABLE", "(RM)")
CAPITALS = 9
"""Of 24 lines, those made all capitals."""
MONEY = ("", "", "", "", "RM", "RM ", "$", "$ ", "£", "USD ", "EUR ")


@dataclass(frozen=True, slots=True)
class FormText:
    """Composes lines as receipts and forms have them.

    Args:
        rng: Decides.
        word: Returns some word.
    """

    rng: Rng
    word: Callable[[], str]

    def line(self, length: int) -> str:
        """Return about ``length`` characters, whole words if possible."""
        text = self._piece()
        while len(text) < 0.75 * length:
            text += " " + self._piece()
        if len(text) > length:
            cut = text.rfind(" ", 0, length + 2)
            text = text[: cut if cut > 0 else length]
        lot = self._upto(23)
        if lot == 0:
            return text.lower()
        return text.upper() if lot < CAPITALS else text

    def _piece(self) -> str:
        kinds = (
            *(self._item, self._item, self._item, self._sum, self._sum, self._field, self._field),
            *(self._field, self._when, self._when, self._phone, self._code, self._code),
            *(
                self._address,
                self._mail,
                self._tax,
                self._company,
                self._row,
                lambda: self._pick(HEADS),
                self._price,
            ),
        )
        return kinds[self._upto(len(kinds) - 1)]()

    def _item(self) -> str:
        parts = [self._name()]
        if self._upto(2) == 0:
            parts.insert(0, self._digits(4, 13))
        if self._upto(1):
            times = self._pick(("x", "X", "@", "PCS", "*", ""))
            parts.append(f"{self._upto(24, 1)} {times}")
        parts.append(self._price() + self._pick(("", "", "", " S", " SR", " Z", "-", " T")))
        return " ".join(parts)

    def _name(self) -> str:
        name = " ".join(self._plain() for _ in range(self._upto(3, 1)))
        if self._upto(2) == 0:
            name += self._pick((" {}ML", " {}KG", " {}G", " {}MM", " ({})", " {}'S", "-{}"))
            name = name.format(self._upto(500, 1))
        return name.upper() if self._upto(4) else name.title()

    def _plain(self) -> str:
        return "".join(c for c in self.word() if c.isalnum()) or "X"

    def _price(self) -> str:
        whole = self._upto(10 ** self._upto(4, 1))
        return f"{self._pick(MONEY)}{whole:,}.{self._upto(99):02d}"

    def _sum(self) -> str:
        return (
            self._pick(SUMS)
            + self._pick(TAXED)
            + self._pick((" ", ": ", " : ", " ", ":"))
            + self._price()
        )

    def _tax(self) -> str:
        rate = self._pick((0, 5, 6, 7, 10, 19))
        kinds = (f"GST {rate}%", f"GST @ {rate}%", f"SR @{rate}.0%", f"VAT {rate}.00%", "ZRL 0%")
        return f"{self._pick(kinds)} {self._price()}"

    def _company(self) -> str:
        name = " ".join(self._plain().upper() for _ in range(self._upto(3, 1)))
        number = self._pick(("", f" ({self._digits(4, 6)}-{self._plain()[:1].upper()})"))
        return f"{name} {self._pick(TITLES)}{number}"

    def _row(self) -> str:
        """Compose a row of a table of sums: a mark, a rate and amounts."""
        mark = self._pick(("S", "Z", "SR", "ZRL", "A", "T", "GST"))
        rate = self._pick(("", " 0%", " 6%", ": GST 6%", " = 6%", " @ 10%", " 20.00%"))
        amounts = " ".join(self._price() for _ in range(self._upto(3, 1)))
        return f"{mark}{rate} {amounts}"

    def _when(self) -> str:
        day, month, year = self._upto(31, 1), self._upto(12, 1), self._upto(2025, 1960)
        hour, minute = self._upto(23), self._upto(59)
        name = self._pick(("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "OCT", "DEC"))
        date = self._pick(
            (
                f"{day:02d}/{month:02d}/{year}",
                f"{day:02d}-{month:02d}-{year % 100:02d}",
                f"{day:02d}.{month:02d}.{year}",
                f"{year}-{month:02d}-{day:02d}",
                f"{day} {name} {year}",
                f"{name} {day:02d} '{year % 100:02d}",
            )
        )
        half = self._pick((" AM", " PM", "PM", ""))
        time = self._pick((f"{hour:02d}:{minute:02d}:{day:02d}", f"{hour % 12}:{minute:02d}{half}"))
        return self._pick((date, time, f"{date} {time}"))

    def _phone(self) -> str:
        a, b, c = self._digits(2, 4), self._digits(3, 4), self._digits(3, 5)
        kinds = (f"{a}-{b} {c}", f"({a}) {b}-{c}", f"+{a} {b} {c}", f"{a}-{b}{c}", f"{b} {c}")
        return self._pick(("", "TEL: ", "FAX: ", "Tel : ")) + self._pick(kinds)

    def _code(self) -> str:
        digits = self._digits(5, 14)
        letters = self._plain()[:3].upper()
        return self._pick(
            (digits, letters + digits, f"{letters}-{digits}", f"({digits}-{letters[0]})")
        )

    def _address(self) -> str:
        number, street = str(self._upto(300, 1)), self._pick(STREETS)
        name = self._plain()
        name = name.upper() if street.isupper() else name.title()
        where = self._pick((f"NO. {number}, {street} {name},", f"{number} {name} {street},"))
        town = self._plain()
        return f"{where} {self._digits(5, 5)} {town.upper() if street.isupper() else town.title()}"

    def _mail(self) -> str:
        name, host = self._plain().lower(), self._plain().lower()
        end = self._pick((".com", ".org", ".co.uk", ".com.my", ".net", ".de"))
        return self._pick((f"{name}@{host}{end}", f"www.{host}{end}", f"http://{host}{end}/{name}"))

    def _field(self) -> str:
        kinds = (self._when, self._code, self._phone, self._name, self._price)
        value = kinds[self._upto(len(kinds) - 1)]()
        return self._pick(LABELS) + self._pick((": ", " : ", ":", ". ", " # ")) + value

    def _digits(self, fewest: int, most: int) -> str:
        return "".join(map(str, self.rng.integers(0, 10, self._upto(most, fewest))))

    def _upto(self, high: int, low: int = 0) -> int:
        return int(self.rng.integers(low, high + 1))

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[self._upto(len(choices) - 1)]
