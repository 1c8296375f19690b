"""The TrOCR recogniser: crops in, readings out, in batches that span lines and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pagereader.document import ProcessingStep
from pagereader.log import logger
from pagereader.options import Options
from pagereader.recognize.second_look import UNSURE, look_again
from pagereader.stages import LineCrop, LineReading

if TYPE_CHECKING:
    from pagereader.recognize.engine import Engine


class TrOCRRecognizer:
    """Reads lines with a TrOCR model.

    The text, confidence and boxes of a crop do not depend on the crops read beside it.

    Args:
        engine: The loaded model; :meth:`from_options` makes one.
        sure: Words read with less confidence are read again; see
            :mod:`pagereader.recognize.second_look`.
    """

    def __init__(self, engine: Engine, sure: float = 0.0) -> None:
        self._engine = engine
        self._sure = sure

    @classmethod
    def from_options(cls, options: Options) -> TrOCRRecognizer:
        """Load the model that the options name and choose how to run it.

        torch is imported here and not before. The number of threads is torch's own choice, one
        a core: ``torch.set_num_threads`` holds for the whole process, so it is left to the
        program (or ``OMP_NUM_THREADS``).

        Raises:
            ModelError: if the model is missing or broken.
            UsageError: if device or precision are not to be had here.
        """
        try:
            from pagereader.recognize.engine import Engine
        except ImportError as error:
            from pagereader.errors import ModelError

            raise ModelError(
                f"a package that TrOCR needs is missing: {error}", "reinstall pagereader"
            ) from error
        engine = Engine.from_options(options)
        if engine.checkpoint.unheeded:
            logger.info(
                "%s asks for %s: not followed, see --beams",
                options.model,
                ", ".join(engine.checkpoint.unheeded),
            )
        usual = UNSURE if engine.rules.strip else 0.0
        return cls(engine, usual if options.second_look is None else options.second_look)

    @property
    def lines_a_batch(self) -> int:
        """How many lines to gather: with those of one page more, still what is read together."""
        return max(1, 3 * self._engine.decoding.size // 4)

    def read(self, crops: Sequence[LineCrop]) -> list[LineReading]:
        """Return one reading a crop, in the same order; a line that fails is flagged, not raised.

        Give it as many crops as there are at hand, of several pages: batches are cut from all.

        Raises:
            ModelError: if no line at all can be read (the model itself is broken).
        """
        pixels, read = [crop.pixels for crop in crops], self._engine.read
        return look_again(read, pixels, self._sure, partial(read, search=True))

    def describe(self) -> ProcessingStep:
        """Return the step's provenance: model, its fingerprint, precision, versions."""
        step = self._engine.describe()
        settings = (*step.settings, ("second-look", f"{self._sure:g}"))
        unheeded = self._engine.checkpoint.unheeded
        if unheeded:
            settings += (("not-followed", " ".join(unheeded)),)
        return replace(step, settings=settings)
