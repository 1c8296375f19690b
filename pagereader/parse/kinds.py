"""Other people's names for kinds of region: PAGE-XML, SegmOnto (eScriptorium), ALTO, hOCR."""

from __future__ import annotations

from pagereader.document import RegionType

_NAMES = {
    # PAGE-XML elements
    "TextRegion": RegionType.PARAGRAPH,
    "TableRegion": RegionType.TABLE,
    "TableCell": RegionType.PARAGRAPH,
    "ImageRegion": RegionType.IMAGE,
    "GraphicRegion": RegionType.IMAGE,
    "LineDrawingRegion": RegionType.IMAGE,
    "ChartRegion": RegionType.IMAGE,
    "MapRegion": RegionType.IMAGE,
    "MathsRegion": RegionType.IMAGE,
    "ChemRegion": RegionType.IMAGE,
    "MusicRegion": RegionType.IMAGE,
    "SeparatorRegion": RegionType.SEPARATOR,
    # PAGE-XML types of text region that we have no word of our own for
    "footnote-continued": RegionType.FOOTNOTE,
    "endnote": RegionType.FOOTNOTE,
    # SegmOnto zones
    "MainZone": RegionType.PARAGRAPH,
    "MarginTextZone": RegionType.MARGINALIA,
    "NumberingZone": RegionType.PAGE_NUMBER,
    "RunningTitleZone": RegionType.HEADER,
    "DropCapitalZone": RegionType.DROP_CAPITAL,
    "TableZone": RegionType.TABLE,
    "GraphicZone": RegionType.IMAGE,
    "TitlePageZone": RegionType.HEADING,
    # ALTO
    "TopMargin": RegionType.HEADER,
    "BottomMargin": RegionType.FOOTER,
    "LeftMargin": RegionType.MARGINALIA,
    "RightMargin": RegionType.MARGINALIA,
    "PrintSpace": RegionType.PARAGRAPH,
    "Illustration": RegionType.IMAGE,
    "GraphicalElement": RegionType.SEPARATOR,
    # hOCR
    "ocr_header": RegionType.HEADER,
    "ocr_footer": RegionType.FOOTER,
    "ocr_pageno": RegionType.PAGE_NUMBER,
    "ocr_caption": RegionType.CAPTION,
    "ocr_table": RegionType.TABLE,
    "ocr_photo": RegionType.IMAGE,
    "ocr_image": RegionType.IMAGE,
    "ocr_linedrawing": RegionType.IMAGE,
    "ocr_separator": RegionType.SEPARATOR,
}
_KNOWN = {name.casefold(): kind for name, kind in _NAMES.items()} | {
    str(kind): kind for kind in RegionType
}


def region_type(*names: str | None, default: RegionType = RegionType.OTHER) -> RegionType:
    """Return what the first name that we know stands for, in any case; else ``default``.

    SegmOnto subtypes such as "MainZone:column#1" count as their zone.
    """
    for name in names:
        plain = (name or "").partition("#")[0].partition(":")[0].strip().casefold()
        if plain in _KNOWN:
            return _KNOWN[plain]
    return default
