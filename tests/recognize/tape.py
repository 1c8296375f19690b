"""Records steps as a CUDA graph does, on the CPU: the kernels and their memory, and no Python.

What a recorded step took from the host (a number, the length of a slice) is frozen, so a step
that should have seen another number the next time computes something wrong here as it would on
a GPU; and asking the device for a value, or bringing one to it, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

HOST = (
    "_local_scalar_dense",
    "item",
    "nonzero",
    "masked_select",
    "unique",
    "lift_fresh",
    "scalar_tensor",
    "_pin_memory",
)
"""Operations that wait for the device or copy from the host."""


class Tape(TorchDispatchMode):
    """Notes operations while it is active, and then undoes what they wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[tuple[Any, Any, Any, list[torch.Tensor]]] = []
        self._before: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        taken = tensors([args, kwargs])
        if name in HOST or waits(func, taken):
            raise RuntimeError(f"operation not permitted when stream is capturing: {name}")
        written = [
            tensors(value)
            for argument, value in [
                *zip(func._schema.arguments, args, strict=False),
                *((a, kwargs[a.name]) for a in func._schema.arguments if a.name in kwargs),
            ]
            if argument.alias_info is not None and argument.alias_info.is_write
        ]
        self._before += [(tensor, tensor.clone()) for group in written for tensor in group]
        out = func(*args, **kwargs)
        held = {storage(tensor) for tensor in taken}
        fresh = [tensor for tensor in tensors(out) if storage(tensor) not in held]
        self.kernels.append((func, args, kwargs, fresh))
        return out

    def undo(self) -> None:
        for tensor, value in reversed(self._before):
            tensor.copy_(value)
        self._before.clear()

    def play(self) -> None:
        for func, args, kwargs, outputs in self.kernels:
            again = func(*args, **kwargs)
            fresh = tensors(again)
            for kept, new in zip(outputs, fresh if outputs else [], strict=True):
                kept.copy_(new)


def waits(func: Any, taken: list[torch.Tensor]) -> bool:
    """Tell whether an operation of this kind waits for the device as it is called here."""
    by_mask = func._schema.name == "aten::index" and any(t.dtype == torch.bool for t in taken[1:])
    return by_mask or (func._schema.name == "aten::where" and "Scalar" in func._overloadname)


def tensors(values: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_flatten(values)[0] if isinstance(leaf, torch.Tensor)]


def storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def record(step: Callable[[], None]) -> Callable[[], None]:
    """Record a step without a trace of having run it."""
    tape = Tape()
    try:
        with tape:
            step()
    finally:
        tape.undo()
    return tape.play
