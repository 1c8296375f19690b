"""Files as other programs write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagereader import write
from pagereader.document import Flag, Page, RegionType
from pagereader.geometry import bounds
from pagereader.parse import fitted, parse_transcription
from tests.write.checks import check_page

PAGE_2013 = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"


@pytest.fixture
def parse(tmp_path: Path) -> Callable[[str], Page]:
    def read(text: str, name: str = "doc/page/a.xml") -> Page:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        (page,) = parse_transcription(path)
        check_page(write.writer("page").render([page], ["a.jpg"]))
        return page

    return read


def page_xml(body: str, namespace: str = PAGE_2013, attributes: str = "") -> str:
    return (
        f'<?xml version="1.0"?><PcGts xmlns="{namespace}"><Metadata><Creator>Other</Creator>'
        "<Created>2020-01-01T00:00:00</Created><LastChange>2020-01-02T00:00:00+01:00</LastChange>"
        f'</Metadata><Page imageFilename="a.jpg" imageWidth="1000" imageHeight="800" {attributes}>'
        f"{body}</Page></PcGts>"
    )


def region(name: str, top: int, inner: str = "", attributes: str = "", tag: str = "TextRegion"):
    box = f"10,{top} 500,{top} 500,{top + 90} 10,{top + 90}"
    return f'<{tag} id="{name}" {attributes}><Coords points="{box}"/>{inner}</{tag}>'


def line(name: str, top: int, text: str, attributes: str = "") -> str:
    box = f"20,{top} 400,{top} 400,{top + 40} 20,{top + 40}"
    return (
        f'<TextLine id="{name}" {attributes}><Coords points="{box}"/>'
        f'<Baseline points="20,{top + 30} 400,{top + 32}"/>'
        f"<TextEquiv><Unicode>{text}</Unicode></TextEquiv></TextLine>"
    )


def ids(page: Page) -> list[str]:
    return [found.id for found in page.regions]


def test_transkribus(parse, tmp_path):
    (tmp_path / "doc").mkdir()
    (tmp_path / "doc" / "a.jpg").touch()
    body = (
        '<ReadingOrder><OrderedGroup id="ro"><RegionRefIndexed index="1" regionRef="r1"/>'
        '<RegionRefIndexed index="0" regionRef="r2"/></OrderedGroup></ReadingOrder>'
        + region(
            "r1",
            0,
            line("b", 50, "two", 'custom="readingOrder {index:1;}"')
            + line("a", 5, "one", 'custom="readingOrder {index:0;} textStyle {offset:0;}"'),
        )
        + region("r2", 100, attributes='type="marginalia" custom="structure {type:marginalia;}"')
    )
    page = parse(page_xml(body))
    assert ids(page) == ["r2", "r1"]
    assert page.regions[0].type is RegionType.MARGINALIA
    assert page.regions[1].text == "one\ntwo"
    assert Path(page.image_path).samefile(tmp_path / "doc" / "a.jpg")
    assert [(step.name, step.tool) for step in page.steps] == [("import", "Other")]


def test_groups_in_groups_in_any_order(parse):
    body = (
        '<ReadingOrder><UnorderedGroup id="g"><OrderedGroup id="g1">'
        '<RegionRefIndexed index="7" regionRef="r1"/>'
        '<OrderedGroupIndexed id="g2" index="2"><RegionRefIndexed index="0" regionRef="r4"/>'
        '<RegionRefIndexed index="1" regionRef="r3"/></OrderedGroupIndexed></OrderedGroup>'
        '<RegionRef regionRef="r2"/><RegionRef regionRef="nowhere"/></UnorderedGroup>'
        "</ReadingOrder>"
    )
    body += "".join(region(f"r{i}", 100 * i) for i in range(6))
    assert ids(parse(page_xml(body))) == ["r0", "r4", "r5", "r3", "r1", "r2"]


def test_a_reading_order_of_lines_is_understood(parse):
    body = (
        '<ReadingOrder><OrderedGroup id="g"><RegionRefIndexed index="0" regionRef="y"/>'
        '<RegionRefIndexed index="1" regionRef="x"/></OrderedGroup></ReadingOrder>'
    )
    body += region("r1", 0, line("x", 0, "second") + line("y", 45, "first"))
    assert parse(page_xml(body)).text == "first\nsecond"


def test_escriptorium_and_kraken(parse):
    inner = (
        '<TextLine id="l1" custom="structure {type:DefaultLine;}">'
        '<Baseline points="20,30 400,32"/><TextEquiv conf="0.98"><Unicode>a</Unicode></TextEquiv>'
        '</TextLine><TextLine id="l2"><Coords points="20,50 400,50 400,85 20,85"/></TextLine>'
    )
    zone = 'custom="structure {type:RunningTitleZone;}"'
    body = region("r1", 0, inner, zone) + region("r2", 200, "", 'custom="structure {type:MyZone;}"')
    page = parse(page_xml(body, attributes='type="content"'))
    assert [r.type for r in page.regions] == [RegionType.HEADER, RegionType.OTHER]
    first, second = page.regions[0].lines
    assert Flag.BOXED in first.flags
    assert bounds(first.polygon)[1] < 5
    assert bounds(first.polygon)[3] > 32
    assert second.text == ""
    assert np.abs(second.baseline[:, 1] - 77).max() < 1
    assert Flag.BOXED not in second.flags


def test_regions_without_coordinates_hold_their_lines(parse):
    body = f'<TextRegion id="r">{line("l", 50, "x")}</TextRegion><TextRegion id="empty"/>'
    page = parse(page_xml(body))
    assert bounds(page.regions[0].polygon) == (20, 50, 400, 90)
    assert bounds(page.regions[1].polygon) == (0, 0, 1000, 800)


def test_tables_of_transkribus_and_of_page_2019(parse):
    cells = "".join(
        f'<TableCell id="c{r}{c}" row="{r}" col="{c}"><Coords points="0,0 9,0 9,9"/>'
        f"{line(f'l{r}{c}', 0, f'{r}{c}')}</TableCell>"
        for c in (0, 1)
        for r in (0, 1)
    )
    page = parse(page_xml(region("t", 0, cells, tag="TableRegion")))
    table = page.regions[0]
    assert table.type is RegionType.TABLE
    assert [(c.row, c.column, c.text) for c in table.regions] == [
        (0, 0, "00"),
        (0, 1, "01"),
        (1, 0, "10"),
        (1, 1, "11"),
    ]


def test_pictures_and_rulings(parse):
    tags = ["ImageRegion", "GraphicRegion", "SeparatorRegion", "MapRegion", "NoiseRegion"]
    page = parse(page_xml("".join(region(f"r{i}", 100 * i, tag=t) for i, t in enumerate(tags))))
    kinds = [r.type for r in page.regions]
    assert kinds == ["image", "image", "separator", "image", "other"]


def test_text_that_only_the_region_or_the_words_have(parse):
    words = "".join(
        f'<Word id="w{i}"><Coords points="{20 + i * 50},0 {60 + i * 50},0 {60 + i * 50},40"/>'
        f"<TextEquiv><Unicode>{t}</Unicode></TextEquiv></Word>"
        for i, t in enumerate(["some", "words"])
    )
    spoken = "<TextEquiv><Unicode>one\ntwo</Unicode></TextEquiv>"
    body = region("r1", 0, f'<TextLine id="l">{words}</TextLine>') + region("r2", 100, spoken)
    page = parse(page_xml(body))
    assert page.text == "some words\n\none\ntwo"
    assert bounds(page.regions[1].lines[1].polygon) == (10, 145, 500, 190)


def test_the_first_reading_is_the_one_with_the_lowest_index(parse):
    readings = "".join(
        f'<TextEquiv index="{i}" conf="{c}"><Unicode>{t}</Unicode></TextEquiv>'
        for i, c, t in ((2, 0.1, "worst"), (0, 2.5, "best"), (1, "nan", "other"))
    )
    inner = f'<TextLine id="l"><Coords points="20,0 90,0 90,40 20,40"/>{readings}</TextLine>'
    (found,) = parse(page_xml(region("r", 0, inner))).lines
    assert (found.text, found.confidence) == ("best", 1.0)
    assert [(o.text, o.confidence) for o in found.alternatives] == [("other", None), ("worst", 0.1)]


def test_points_of_every_kind(parse):
    old = '<Coords><Point x="1" y="2"/><Point x="99" y="2"/><Point x="99" y="50"/></Coords>'
    odd = '<Coords points=" 1.5,-2  99.25,3\n50,60 x,y 1e400,5"/>'
    body = f'<TextRegion id="a">{old}</TextRegion><TextRegion id="b">{odd}</TextRegion>'
    first, second = parse(page_xml(body)).regions
    assert first.polygon.tolist() == [[1, 2], [99, 2], [99, 50]]
    assert second.polygon.tolist() == [[1.5, -2], [99.25, 3], [50, 60]]


@pytest.mark.parametrize("year", ["2010-03-19", "2013-07-15", "2017-07-15", "2024-07-15", None])
def test_any_year_of_page_xml(parse, year):
    namespace = PAGE_2013.replace("2013-07-15", year) if year else ""
    page = parse(page_xml(region("r", 0, line("l", 5, "text")), namespace))
    assert page.text == "text"


ALTO_2 = """<alto xmlns="http://www.loc.gov/standards/alto/ns-v2#">
<Description><MeasurementUnit>{unit}</MeasurementUnit>
<sourceImageInformation><fileName>a.png</fileName></sourceImageInformation>
<OCRProcessing ID="o"><ocrProcessingStep><processingSoftware><softwareName>Fine</softwareName>
<softwareVersion>8</softwareVersion></processingSoftware></ocrProcessingStep></OCRProcessing>
</Description><Layout><Page ID="p" PHYSICAL_IMG_NR="4" WIDTH="2540" HEIGHT="1270">
<TopMargin><TextBlock ID="head" HPOS="100" VPOS="10" WIDTH="300" HEIGHT="50"><TextLine
 HPOS="100" VPOS="10" WIDTH="300" HEIGHT="50"><String CONTENT="Head" HPOS="100" VPOS="10"
 WIDTH="300" HEIGHT="50"/></TextLine></TextBlock></TopMargin>
<PrintSpace><ComposedBlock ID="col"><TextBlock ID="b2" HPOS="100" VPOS="500" WIDTH="900"
 HEIGHT="100"><TextLine HPOS="100" VPOS="500" WIDTH="900" HEIGHT="100" BASELINE="580">
<String CONTENT="hyphen" HPOS="100" VPOS="500" WIDTH="400" HEIGHT="100" WC="0.5" CC="012 345"/>
<SP/><String CONTENT="at" HPOS="600" VPOS="500" WIDTH="300" HEIGHT="100"/><HYP CONTENT="-"/>
</TextLine></TextBlock></ComposedBlock>
<Illustration ID="pic" HPOS="0" VPOS="700" WIDTH="10" HEIGHT="10"/></PrintSpace>
</Page></Layout></alto>"""


@pytest.mark.parametrize(
    ("unit", "image", "right"),
    [
        ("pixel", None, 1000),
        ("mm10", None, 1000 / 254 * 300),
        ("inch1200", None, 250),
        ("mm10", (508, 254), 200),
    ],
)
def test_alto_2_in_any_unit(parse, tmp_path, unit, image, right):
    if image:
        (tmp_path / "doc" / "page").mkdir(parents=True)
        Image.new("L", image).save(tmp_path / "doc" / "page" / "a.png")
    page = parse(ALTO_2.format(unit=unit))
    head, column, picture = page.regions
    assert (head.type, head.text) == (RegionType.HEADER, "Head")
    assert picture.type is RegionType.IMAGE
    (found,) = column.all_lines()
    assert found.text == "hyphen at-"
    assert bounds(found.polygon)[2] == pytest.approx(right)
    assert found.baseline[0, 1] == pytest.approx(0.58 * right)
    assert found.words[0].confidence == 0.5
    assert found.words[0].char_confidences[5] == pytest.approx(4 / 9, abs=1e-4)
    assert page.source.index == 3
    assert page.steps[0].tool == "Fine 8"
    if image:
        assert (page.width, page.height) == image


def test_alto_blocks_that_name_the_next_one(parse):
    blocks = "".join(
        f'<TextBlock ID="{a}" IDNEXT="{b}" HPOS="0" VPOS="0" WIDTH="9" HEIGHT="9"/>'
        for a, b in (("b", "c"), ("a", "b"))
    )
    last = '<TextBlock ID="c" HPOS="0" VPOS="0" WIDTH="9" HEIGHT="9"/>'
    page = parse(
        '<alto><Layout><Page ID="p" PHYSICAL_IMG_NR="1" WIDTH="99" HEIGHT="99"><PrintSpace>'
        f"{last}{blocks}</PrintSpace></Page></Layout></alto>"
    )
    assert ids(page) == ["a", "b", "c"]


def test_escriptorium_alto(parse):
    page = parse(
        '<alto><Tags><OtherTag ID="BT1" LABEL="MarginTextZone"/></Tags><Layout><Page ID="p" '
        'PHYSICAL_IMG_NR="1" WIDTH="900" HEIGHT="900"><PrintSpace><TextBlock ID="b" TAGREFS="BT1">'
        '<Shape><Polygon POINTS="0 0 500 0 500 90 0 90"/></Shape><TextLine ID="l" BASELINE="9 60 '
        '480 62" HPOS="9" VPOS="10" WIDTH="471" HEIGHT="70"><String CONTENT="a whole line" '
        'HPOS="9" VPOS="10" WIDTH="471" HEIGHT="70"/></TextLine></TextBlock></PrintSpace></Page>'
        "</Layout></alto>"
    )
    (found,) = page.lines
    assert page.regions[0].type is RegionType.MARGINALIA
    assert (found.text, found.words) == ("a whole line", [])
    assert found.baseline.tolist() == [[9, 60], [480, 62]]


TESSERACT = """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
 "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en"><head><title></title>
<meta name='ocr-system' content='tesseract 5.3.0' /></head><body>
<div class='ocr_page' id='page_1'
 title='image "/far/away/scan;1.png"; bbox 0 0 1000 500; ppageno 0; scan_res 300 300'>
<div class='ocr_carea' id='block_1_1' title="bbox 10 10 900 400">
<p class='ocr_par' id='par_1_1' lang='eng' title="bbox 10 10 900 100">
<span class='ocr_header' id='line_1_1'
 title="bbox 10 20 400 60; baseline -0.01 -12; x_size 40; x_descenders 8">
<span class='ocrx_word' id='word_1_1'
 title='bbox 10 20 200 60; x_wconf 96'><strong>Hello</strong></span>
<span class='ocrx_word' id='word_1_2'
 title='bbox 210 20 400 60; x_wconf 30'>&nbsp;w&amp;rld</span></span></p>
<p class='ocr_par' id='par_1_2'><span class='ocr_line' id='line_1_2' title="bbox 10 110 400 150">
no words</span></p></div></div></body></html>"""


def test_tesseract(parse, tmp_path):
    (tmp_path / "doc" / "page").mkdir(parents=True)
    (tmp_path / "doc" / "page" / "scan;1.png").touch()
    page = parse(TESSERACT)
    assert page.text == "Hello \u00a0w&rld\n\nno words"
    first, second = page.lines
    assert first.words[0].confidence == 0.96
    assert first.baseline.tolist() == [[10, 48], [400, 44.1]]
    assert bounds(second.polygon) == (10, 110, 400, 150)
    assert page.dpi == (300, 300)
    assert page.steps[0].tool == "tesseract 5.3.0"
    assert page.image_path == str(tmp_path / "doc" / "page" / "scan;1.png")


def test_hocr_without_areas_in_broken_html(parse):
    page = parse(
        "<html><body><div class=ocr_page title='bbox 0 0 90 90'><br>"
        "<span class='ocr_line' title='bbox 1 2 80 30'>a <b>line<br></span>"
        '<span class="ocr_line" title="bbox 1 32 80 60">next</div>'.replace(
            "ocr_page", '"ocr_page"'
        )
    )
    assert [found.text for found in page.lines] == ["a line", "next"]
    assert len(page.regions) == 1


def test_pages_of_a_pdf_find_their_page_again(tmp_path):
    (tmp_path / "my scan.pdf").touch()
    text = page_xml(region("r", 0)).replace("a.jpg", "my scan.pdf#page=3")
    (tmp_path / "a.xml").write_text(text)
    (page,) = parse_transcription(tmp_path / "a.xml")
    assert (page.image_path, page.source.index) == (str(tmp_path / "my scan.pdf"), 2)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("OCR-D-IMG/a.tif", "OCR-D-IMG/a.tif"),  # relative to an OCR-D workspace
        ("a.tif", "a.tif"),  # as Transkribus keeps them
        ("a;b\n.pdf", "../a%3Bb%0A.pdf#page=1"),  # as we write it in hOCR
    ],
)
def test_images_are_found_from_wherever_one_stands(tmp_path, monkeypatch, image, said):
    (tmp_path / image).parent.mkdir(exist_ok=True)
    (tmp_path / image).touch()
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "a.xml").write_text(page_xml(region("r", 0)).replace("a.jpg", said))
    for folder, name in (("", "page/a.xml"), ("page", "a.xml"), ("page", "../page/a.xml")):
        monkeypatch.chdir(tmp_path / folder)
        (page,) = parse_transcription(name)
        assert Path(page.image_path).is_file(), name


def test_a_transcription_that_names_no_image_goes_with_the_one_beside_it(tmp_path):
    (tmp_path / "a.jpg").touch()
    for folder, name in (("", "a.xml"), ("", "a.alto.xml"), ("alto", "a.xml"), ("", "b.xml")):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("<alto><Layout><Page WIDTH='9' HEIGHT='9'/></Layout></alto>")
        (page,) = parse_transcription(path)
        assert bool(page.image_path) == (name != "b.xml")
        assert not page.image_path or Path(page.image_path).samefile(tmp_path / "a.jpg")


def test_a_missing_image_is_no_error_yet(tmp_path):
    (tmp_path / "a.xml").write_text(page_xml("").replace("a.jpg", "../none/b.jpg"))
    (page,) = parse_transcription(tmp_path / "a.xml")
    assert page.image_path == str(tmp_path / "../none/b.jpg")


@pytest.mark.parametrize("name", ["http://example.org/a.jpg", "folder", "x" * 5000, "a&#10;b"])
def test_image_names_that_are_no_files(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.xml").write_text(page_xml("").replace("a.jpg", name))
    (page,) = parse_transcription(tmp_path / "a.xml")
    assert not page.image_path.startswith("http")


def test_a_transcription_of_a_smaller_copy_is_fitted_to_the_image(parse):
    page = fitted(parse(page_xml(region("r", 0, line("l", 10, "x")))), 3000, 1600)
    assert (page.width, page.height) == (3000, 1600)
    assert bounds(page.lines[0].polygon) == (60, 20, 1200, 100)
    assert page.lines[0].baseline.tolist() == [[60, 80], [1200, 84]]
