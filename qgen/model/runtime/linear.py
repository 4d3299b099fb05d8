"""The arithmetic a model computes in: float32, bfloat16, or matrix products of 8-bit integers."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Protocol

import torch

from qgen.errors import QGenError
from qgen.model.runtime.backends import bfloat16, float32, int8
from qgen.settings import DTYPES

_log = logging.getLogger(__name__)


class Backend(Protocol):
    """A way to compute matrix products: a module of :mod:`qgen.model.runtime.backends`.

    Attributes:
        DTYPE: its arithmetic, one of :data:`qgen.settings.DTYPES`.
    """

    DTYPE: str

    def problem(self, device: torch.device) -> str | None:
        """Why a device cannot compute so, under this PyTorch; ``None`` if it can."""
        ...

    def speed(self, device: torch.device) -> float:
        """How fast a device that can is, about, where float32 is 1; 0 where it never can."""
        ...

    def prepare(self, model: Any) -> None:
        """Make a float32 model compute so, in place."""
        ...


BACKENDS: tuple[Backend, ...] = (int8, bfloat16, float32)
"""The ways there are; of those that are as fast, the first one is taken."""


def set_dtype(model: Any, dtype: str = "auto") -> None:
    """Make a float32 model compute in another arithmetic, in place.

    Args:
        model: a module with ``device``, on the device it is to stay on, or an ensemble of such.
        dtype: one of :data:`qgen.settings.DTYPES`; "auto" is the fastest: bfloat16 on GPUs and on
            CPUs with matrix units for it (AMX), else int8 where there are kernels, else bfloat16
            where the device computes in it, else float32.  Where this PyTorch lacks kernels that
            the device could have, a warning is logged.

    Raises:
        QGenError: there is no such arithmetic, or not on this device.
    """
    if dtype not in DTYPES:
        raise QGenError(f"dtype must be {' or '.join(DTYPES)}")
    backend = _fastest(model.device) if dtype == "auto" else _of_dtype(model.device, dtype)
    for member in getattr(model, "members", [model]):
        backend.prepare(member)
    model.arithmetic = backend.DTYPE


def dtype_of(model: Any) -> str:
    """The arithmetic that a model computes in, as :func:`set_dtype` takes it."""
    return getattr(model, "arithmetic", str(model.dtype).removeprefix("torch."))


def _of_dtype(device: torch.device, dtype: str) -> Backend:
    backend = next(each for each in BACKENDS if dtype == each.DTYPE)
    if problem := backend.problem(device):
        raise QGenError(problem)
    return backend


def _fastest(device: torch.device) -> Backend:
    """The fastest that there is for a device; tells what could have been faster, and is not."""
    problems: list[str] = []
    for backend in sorted(BACKENDS, key=lambda each: each.speed(device), reverse=True):
        problem = backend.problem(device)
        if problem is None:
            if problems:
                _warn_once(f"computing in {backend.DTYPE}, which is slower: {'; '.join(problems)}")
            return backend
        if backend.speed(device):
            problems.append(problem)
    raise AssertionError("float32 is everywhere")


@cache
def _warn_once(message: str) -> None:
    _log.warning(message)
