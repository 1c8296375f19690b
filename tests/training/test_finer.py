"""A model with finer patches reads as its base does, until it is trained."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from benchmarks.recogniser.finer import finer


def test_finer_kernels_give_on_a_picture_what_the_old_give_on_it_shrunk() -> None:
    torch.manual_seed(0)
    kernels, picture = torch.randn(5, 3, 32, 8), torch.rand(2, 3, 48, 60)
    whole = F.interpolate(picture, scale_factor=2, mode="nearest")  # so that areas are whole pixels
    shrunk = F.avg_pool2d(whole, 3)
    old = F.conv2d(shrunk, kernels, stride=(32, 8))
    new = F.conv2d(picture, finer(kernels), stride=(48, 12))
    assert new.shape == old.shape == (2, 5, 1, 5)
    assert torch.allclose(new, old, atol=1e-4)
    assert not torch.allclose(new, F.conv2d(picture, finer(kernels.flip(3)), stride=(48, 12)))
