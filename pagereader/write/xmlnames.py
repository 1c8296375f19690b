"""Elements of one XML namespace, and the file they end up in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lxml import etree

Element = etree._Element

_XSI = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace that is the default one of its file.

    Attributes:
        uri: Its name.
    """

    uri: str

    def tag(self, name: str) -> str:
        """Return an element's name as lxml wants it."""
        return f"{{{self.uri}}}{name}"

    def element(self, name: str) -> Element:
        """Return a new element without a parent."""
        return etree.Element(self.tag(name))

    def root(self, name: str, schema: str = "") -> Element:
        """Return the file's outermost element; ``schema`` says where its schema lies."""
        names: Any = {None: self.uri}  # lxml-stubs do not know the default namespace, None
        if not schema:
            return etree.Element(self.tag(name), nsmap=names)
        root = etree.Element(self.tag(name), nsmap=names | {"xsi": _XSI})
        root.set(f"{{{_XSI}}}schemaLocation", f"{self.uri} {schema}")
        return root

    def add(self, parent: Element, name: str, /, **attributes: str | None) -> Element:
        """Append an element; attributes that are None are left out."""
        given = {key: value for key, value in attributes.items() if value is not None}
        return etree.SubElement(parent, self.tag(name), given)


def indented(root: Element) -> bytes:
    """Return the file, an element a line."""
    etree.indent(root)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"
