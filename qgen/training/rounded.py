"""Training with the weights that a packed checkpoint will hold.

In every step the large matrices are rounded as :func:`qgen.model.runtime.packed.pack` rounds them;
gradients pass as if they were not (the straight-through estimator, Bengio et al. 2013,
arXiv:1308.3432; Jacob et al. 2018, arXiv:1712.05877).  A model so trained loses nothing by packing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from qgen.model.runtime.packed import bits_of, pack, unpack


class _Rounded(nn.Module):
    def __init__(self, bits: int):
        super().__init__()
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        with torch.no_grad():
            rounding = unpack(*pack(weight, self.bits)).to(weight) - weight
        return weight + rounding


@contextmanager
def rounded_weights(model: nn.Module) -> Iterator[None]:
    """Have a model compute with rounded weights, until the end of the block; its state dict keeps
    its names only after that, when its weights are the rounded ones."""
    changed = []
    for path, module in list(model.named_modules()):
        for name, weight in list(module.named_parameters(recurse=False)):
            if bits := bits_of(f"{path}.{name}", weight):
                parametrize.register_parametrization(module, name, _Rounded(bits))
                changed.append((module, name))
    try:
        yield
    finally:
        for module, name in changed:
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
