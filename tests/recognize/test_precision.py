"""What is computed in, and the products in 8-bit integers and through oneDNN."""

from __future__ import annotations

import pytest
import torch

from pagereader.recognize import packed, precision
from pagereader.recognize.packed import PackedLinear, packing_pays
from pagereader.recognize.precision import choose_precision, int8_pays
from pagereader.recognize.quantized import Int8Linear, is_int8_available


@pytest.mark.skipif(not is_int8_available(), reason="this torch has no int8 products")
def test_int8_products_are_close_and_each_row_for_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(48, 64, generator=generator), torch.randn(48, generator=generator)
    x = torch.randn(20, 64, generator=generator)
    x[3] *= 1000  # an outlier must not coarsen the other rows
    x[4] = 0
    found, exact = Int8Linear(weight, bias)(x), torch.nn.functional.linear(x, weight, bias)
    errors = (found - exact).norm(dim=1) / exact.norm(dim=1)
    assert errors.max() < 0.02
    assert errors.max() > 1e-6, "nothing was rounded: these are no int8 products"
    assert torch.equal(Int8Linear(weight, bias)(x[5:9]), found[5:9])
    assert Int8Linear(weight, None)(x.view(4, 5, 64)).shape == (4, 5, 48)
    many = Int8Linear(weight, bias)(x.repeat(60, 1))  # more than a block
    assert torch.equal(many[-20:], found)
    coarse = Int8Linear(weight, bias)(x.bfloat16())
    assert coarse.dtype == torch.bfloat16
    assert ((coarse - found).norm(dim=1) / exact.norm(dim=1)).max() < 0.02


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
@pytest.mark.parametrize(
    "dtype",
    [
        torch.float32,
        pytest.param(
            torch.bfloat16,
            marks=pytest.mark.skipif(
                torch.backends.cpu.get_cpu_capability() != "AVX512",
                reason="oneDNN packs no bf16 for this processor",
            ),
        ),
    ],
)
def test_packed_products_are_those_of_torch_and_each_row_for_itself(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(48, 64, generator=generator), torch.randn(48, generator=generator)
    x = torch.randn(80, 64, generator=generator)
    weight, bias, x = weight.to(dtype), bias.to(dtype), x.to(dtype)
    with torch.inference_mode():
        product = PackedLinear(weight, bias)
        found, exact = product(x), torch.nn.functional.linear(x, weight, bias)
        assert (found - exact).norm() / exact.norm() < torch.finfo(dtype).eps * 4
        assert torch.equal(product(x[16:48]), found[16:48])
        bare = PackedLinear(weight, None)(x) + bias
        assert (bare - found).norm() / found.norm() < torch.finfo(dtype).eps * 4
        assert product(x.view(4, 20, 64)).shape == (4, 20, 48)


@pytest.mark.parametrize(
    ("capability", "name", "same", "pays"),
    [
        ("AVX512", "AMD EPYC", 2.0, torch.backends.mkldnn.is_available()),
        ("AVX512", "AMD EPYC", -1.0, False),  # "the products differ"
        ("AVX512", "Intel Xeon", 2.0, False),
        ("AVX2", "AMD EPYC", 2.0, False),
    ],
)
def test_the_processor_decides_about_packed_products(
    monkeypatch: pytest.MonkeyPatch, capability: str, name: str, same: float, pays: bool
) -> None:
    """Never a stopwatch: a busy machine must give the same bytes as an idle one."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": name})
    monkeypatch.setattr(packed, "SAME", same)
    packing_pays.cache_clear()
    assert packing_pays(torch.float32) is pays
    packing_pays.cache_clear()
    assert not packing_pays(torch.float16)


@pytest.mark.parametrize("unit", ["avx512_vnni", "avx_vnni", "amx_int8"])
def test_int8_pays_where_the_processor_has_units_for_it(
    monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert not int8_pays()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {unit: True})
    assert int8_pays() is is_int8_available()


@pytest.mark.parametrize(
    ("units", "width", "auto", "fast"),
    [
        ((), 768, "fp32", "fp32"),
        (("avx512_vnni",), 256, "fp32", "int8"),
        (("avx512_vnni", "avx512_bf16"), 256, "bf16", "bf16"),
        (("avx512_vnni", "avx512_bf16"), 768, "bf16", "int8"),
        (("amx_int8", "amx_bf16"), 1024, "bf16", "int8"),
        (("bf16",), 768, "fp32", "bf16"),  # of ARM: not measured
    ],
)
def test_the_processor_decides_what_is_computed_in(
    monkeypatch: pytest.MonkeyPatch, units: tuple[str, ...], width: int, auto: str, fast: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(units, True))
    # With units that are not there, int8 products come out wrong, and would be found out.
    monkeypatch.setattr(precision, "is_int8_available", lambda: True)
    cpu = torch.device("cpu")
    assert choose_precision("auto", cpu, width).name == auto
    assert choose_precision("fast", cpu, width).name == fast
    assert choose_precision("exact", cpu, width).name == "fp32"
    stored = choose_precision("fast", cpu, width).dtype
    assert (stored == torch.bfloat16) is any("bf16" in unit for unit in units)
