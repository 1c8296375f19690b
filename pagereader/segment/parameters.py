"""The limits of the segmenter, all in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """Limits that decide what counts as ink, as a line and as a gap.

    Names that end in ``_h`` are in letter heights H of the page (see
    :func:`pagereader.segment.scale.letter_height`); ``_pitch`` in line pitches; ``_u`` in U, the
    size of a letter with its share of the space between lines: pitch / 1.7, held to 1-1.4 H.

    Attributes:
        megapixels: Working size of a page; larger ones are shrunk, smaller ones left alone.
        map_height: Letter height, in pixels, of the map on which lines are looked for.
        contrast: Share of the page's typical ink contrast that text must have.
        weak_contrast: The same for text that goes on from stronger text.
        faint_contrast: The same for rulings, which are often paler than text.
        margin_dark: What is darker than this share of the paper is not page but what lies around.
        ridge: Share of a strong line's response that a weak line must reach.
        reach_u: How far from ink a line may still run.
        link_u: Widest gap over which two ends of a line are joined when they foretell each other.
        double: Share of a neighbour's strength under which a line so near is only its ascenders.
        gap_form_words: Widest gap inside a line where texts stand in boxes (forms, receipts,
            tables), in usual gaps between words,
        gap_form_h: and held between these.
        gap_text_u: Widest gap inside a long line of running text; in shorter ones,
        gap_text_span: this share of the line's length,
        gap_text_h: but at least this.
        running: Share of word gaps with text over and under them, those with text on one side
            counting half: below the first value a page is a form, above the second one running
            text.
        gutter_u: Least width of a white column between columns of text.
        gutter_pitch: Least height of such a column.
        gutter_gap_u: Least gap at which a white column cuts a line.
        tall_h: Least height of a letter; one is needed for each ``letter_every_h`` of a line.
        letter_every_h: See ``tall_h``.
        shortest_h: Least length of a line.
        upper_reach_h: Outline of a line over its centre, where no neighbour stands nearer.
        lower_reach_h: Outline of a line under its centre.
        end_reach_h: Outline of a line beyond its ends.
    """

    megapixels: float = 2.2
    map_height: float = 9.0
    contrast: float = 0.30
    weak_contrast: float = 0.18
    faint_contrast: float = 0.12
    margin_dark: float = 0.62
    ridge: float = 0.22
    reach_u: float = 1.2
    link_u: float = 5.0
    double: float = 1.15
    gap_form_words: float = 2.0
    gap_form_h: tuple[float, float] = (1.25, 2.4)
    gap_text_u: float = 4.2
    gap_text_span: float = 0.12
    gap_text_h: float = 2.8
    running: tuple[float, float] = (0.62, 0.70)
    gutter_u: float = 1.2
    gutter_pitch: float = 4.5
    gutter_gap_u: float = 2.6
    tall_h: float = 0.45
    letter_every_h: float = 12.0
    shortest_h: float = 0.8
    upper_reach_h: float = 1.25
    lower_reach_h: float = 0.95
    end_reach_h: float = 0.3

    def settings(self) -> tuple[tuple[str, str], ...]:
        """Return every limit by name, for the provenance."""
        return tuple((name, str(value)) for name, value in asdict(self).items())
