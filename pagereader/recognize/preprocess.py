"""From a line crop to the pixels that a model expects, without wasted columns.

Stock TrOCR squashes every line to its own square; that is repeated here to the bit. A model
whose image is a wide strip expects lines scaled to its height and padded on the right with
paper, so only the columns that a line has need to be computed: widths go in buckets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagereader.errors import ModelError
from pagereader.recognize.ink import Pixels, histogram, percentile

BUCKETS = 20
"""Number of widths that a strip model is run at."""
PAPER_PERCENTILE = 85.0
"""The grey of the padding, among the crop's own greys."""
SQUASH = 1.6
"""A line this much too wide for the model is squeezed; a wider one is split."""
SQUARE_ASPECT = 20.0
"""Width over height of the widest lines that square models were trained with (IAM)."""


@dataclass(frozen=True, slots=True)
class ImageRules:
    """How a model wants its lines.

    Attributes:
        height: Of the model's image, in pixels.
        width: Of the model's image, in pixels.
        patch_height: Of the encoder's patches, in pixels.
        patch_width: Of the encoder's patches, in pixels.
        mean: Subtracted from each channel, of values scaled by ``rescale``.
        std: Each channel is divided by this.
        rescale: Factor from 0..255 to the values that ``mean`` and ``std`` speak of.
        resample: A PIL resampling filter.
        strip: Whether lines keep their proportions and are padded, instead of squashed.
        squashed: Height and width that a line is squashed to; what is more than the model's
            image is cut off on all sides. None if nothing is.
    """

    height: int
    width: int
    patch_height: int
    patch_width: int
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    rescale: float = 1 / 255
    resample: int = int(Image.Resampling.BILINEAR)
    strip: bool = False
    squashed: tuple[int, int] | None = None

    @classmethod
    def from_configs(cls, encoder: Any, processor: Mapping[str, Any]) -> ImageRules:
        """Read the encoder's configuration and the image processor's JSON of a checkpoint.

        Raises:
            ModelError: if either makes no sense, or the two do not fit together.
        """
        try:
            return cls._from_configs(encoder, processor)
        except (AttributeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ModelError(
                f"the checkpoint does not say how its images are made: {error}",
                "compare its config.json and preprocessor_config.json with those of its base model",
            ) from error

    @classmethod
    def _from_configs(cls, encoder: Any, processor: Mapping[str, Any]) -> ImageRules:
        height, width = _pair(encoder.image_size)
        patch_height, patch_width = _pair(encoder.patch_size)
        channels = int(getattr(encoder, "num_channels", 3))
        if min(height, width, patch_height, patch_width) < 1:
            raise ValueError("sizes must be above 0")
        squashed = wanted = _size(processor.get("size", {"height": height, "width": width}))
        if processor.get("do_center_crop"):
            cut = _size(processor.get("crop_size", squashed))
            wanted = (min(squashed[0], cut[0]), min(squashed[1], cut[1]))
        if processor.get("do_resize", True) and wanted != (height, width):
            raise ModelError(
                f"the model's image is {height} x {width}, its processor makes {wanted}",
                "the checkpoint's config.json and preprocessor_config.json do not belong together",
            )
        mean, std = processor.get("image_mean", 0.5), processor.get("image_std", 0.5)
        if not processor.get("do_normalize", True):
            mean, std = 0.0, 1.0
        rescale = float(processor.get("rescale_factor", 1 / 255))
        if 0 in np.atleast_1d(std):
            raise ValueError("image_std is 0")
        return cls(
            height,
            width,
            patch_height,
            patch_width,
            mean=_channels(mean, channels),
            std=_channels(std, channels),
            rescale=rescale if processor.get("do_rescale", True) else 1.0,
            resample=Image.Resampling(processor.get("resample", Image.Resampling.BILINEAR)),
            strip=width > height and patch_height >= height,
            squashed=squashed if processor.get("do_resize", True) and squashed != wanted else None,
        )

    @property
    def bucket(self) -> int:
        """Step between the widths that the model is run at, in pixels of its image."""
        if not self.strip:
            return self.width
        step = max(self.patch_width, self.width // BUCKETS)
        return step - step % self.patch_width

    @property
    def widest_aspect(self) -> float:
        """Width over height above which a line is split instead of squeezed."""
        return SQUASH * (self.width / self.height if self.strip else SQUARE_ASPECT)

    def lookup(self) -> NDArray[np.float32]:
        """Return the model's input value for every grey value, shape (channels, 256).

        Computed in the order in which the stock processor does it, to be equal to the bit.
        """
        grey = (np.arange(256, dtype=np.float64) * self.rescale).astype(np.float32)
        mean = np.array(self.mean, np.float32)[:, None]
        std = np.array(self.std, np.float32)[:, None]
        return ((grey[None] - mean) / std).astype(np.float32)


@dataclass(frozen=True, slots=True)
class FittedLine:
    """A crop as the model sees it.

    Attributes:
        pixels: uint8, shape (height, width), width being one of the buckets.
        used: Columns of ``pixels`` that the crop covers; the rest is padding.
        crop_width: Of the crop, in its own pixels.
    """

    pixels: Pixels
    used: int
    crop_width: int


def fit(pixels: Pixels, rules: ImageRules) -> FittedLine:
    """Bring a grey crop, shape (h, w), to one of the model's shapes."""
    height, width = pixels.shape
    if not rules.strip:
        high, wide = rules.squashed or (rules.height, rules.width)
        image = Image.fromarray(pixels).resize(
            (wide, high), resample=Image.Resampling(rules.resample)
        )
        if rules.squashed:
            left, top = (wide - rules.width) // 2, (high - rules.height) // 2
            image = image.crop((left, top, left + rules.width, top + rules.height))
        return FittedLine(np.array(image), rules.width, width)
    least = min(rules.width, 2 * rules.patch_width)
    used = min(rules.width, max(least, round(width * rules.height / height)))
    padded = min(rules.width, -(-used // rules.bucket) * rules.bucket)
    shrinks = used < width or rules.height < height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    out = np.empty((rules.height, padded), np.uint8)
    out[:, :used] = cv2.resize(pixels, (used, rules.height), interpolation=how)
    if used < padded:
        out[:, used:] = round(percentile(histogram(out[:, :used]), PAPER_PERCENTILE))
    return FittedLine(out, used, width)


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    return int(value[0]), int(value[1])


def _size(value: Any) -> tuple[int, int]:
    if isinstance(value, Mapping):
        if "height" in value and "width" in value:
            return int(value["height"]), int(value["width"])
        edge = value.get("shortest_edge")
        if edge:
            return int(edge), int(edge)
        raise ModelError(f"the image size {dict(value)} is unknown", "expected height and width")
    return _pair(value)


def _channels(value: Any, channels: int) -> tuple[float, ...]:
    if isinstance(value, int | float):
        return (float(value),) * channels
    if len(value) != channels:
        raise ModelError(
            f"the model has {channels} channels, its processor {len(value)}",
            "the checkpoint's config.json and preprocessor_config.json do not belong together",
        )
    return tuple(float(v) for v in value)
