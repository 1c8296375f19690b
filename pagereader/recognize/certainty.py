"""How certain the columns of a line are of what they spell.

The probability that they say just one text is summed over all ways to spell it, and so is that of
each letter after those before it (the forward recursion of CTC, Graves et al. 2006). Where a text
is much likelier than all others, nothing is left for the decoder to decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]
_LEAST = 1e-300


def certainties(
    blanks: Sequence[Shares], letters: Sequence[Shares], texts: Sequence[Sequence[int]]
) -> tuple[list[Shares], Shares]:
    """Return how likely lines say what their columns spell.

    Args:
        blanks: For each line the probability of the blank in its columns, shape (columns,),
        letters: and those of its letters, shape (columns, letters).
        texts: Their letters, as tokens.

    Returns:
        For each line the logarithms of the probabilities of its letters, each given those before
        it, shape (letters,), and the probabilities of the whole lines, that of their end included.
    """
    count, most = len(texts), max([len(text) for text in texts], default=0)
    longest = max([len(blank) for blank in blanks], default=0)
    nothing = np.ones((longest, count, 1))  # columns beyond a line's own are blank for certain
    spelled = np.zeros((longest, count, most))
    apart = np.ones((count, most))  # whether letters need no blank before them
    for number, (blank, own, text) in enumerate(zip(blanks, letters, texts, strict=True)):
        nothing[: len(blank), number, 0] = blank
        spelled[: len(own), number, : len(text)] = own
        apart[number, 1 : len(text)] = np.array(text[1:]) != np.array(text[:-1])
    reached, on_blank, on_letter = _forward(nothing, spelled, apart)
    ends = np.array([len(text) for text in texts], np.int64)
    lines = np.arange(count)
    wholes = on_blank[lines, ends]
    if most:
        wholes += np.where(ends > 0, on_letter[lines, ends - 1], 0.0)
    logs = np.diff(np.log(np.maximum(reached, _LEAST)), axis=1, prepend=0.0)
    return [np.minimum(log[:end], 0.0) for log, end in zip(logs, ends, strict=True)], wholes


def _forward(nothing: Shares, spelled: Shares, apart: Shares) -> tuple[Shares, Shares, Shares]:
    """Go through the columns of all lines at once.

    Returns:
        How likely each letter is reached, and how likely the last column is blank after so many
        letters, or the last letter itself; shapes (lines, letters), (lines, letters + 1) and
        (lines, letters).
    """
    shape = spelled.shape[1:]
    reached, on_letter = np.zeros(shape), np.zeros(shape)
    on_blank = np.zeros((shape[0], shape[1] + 1))
    on_blank[:, 0] = 1.0
    for blank, letter in zip(nothing, spelled, strict=True):
        before = on_blank[:, :-1].copy()
        before[:, 1:] += on_letter[:, :-1] * apart[:, 1:]
        entered = before * letter
        reached += entered
        on_blank[:, 1:] += on_letter
        on_blank *= blank
        on_letter = on_letter * letter + entered
    return reached, on_blank, on_letter
