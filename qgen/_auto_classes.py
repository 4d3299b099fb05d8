"""transformers' auto classes know this package's checkpoints once ``qgen`` is imported.

Both the class of the question generator and how a packed reader is unpacked are registered.
Registering needs torch, which takes seconds to import and which ``qgen --help`` does not need.  So
it is done when transformers' auto classes are first imported.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

_AUTO = "transformers.models.auto.modeling_auto"
_REGISTERING = ("qgen.model.unilm", "qgen.model.runtime.packed")  # each does it when it is imported


def register_when_imported() -> None:
    """Register them now, if the auto classes are imported, or else as soon as they are."""
    if _AUTO in sys.modules:
        _register()
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _register() -> None:
    for name in _REGISTERING:
        import_module(name)


class _Finder(MetaPathFinder):
    """Finds nothing itself: lets one module's loader go on to register after it."""

    def find_spec(self, name, path=None, target=None) -> ModuleSpec | None:
        if name != _AUTO or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module) -> None:
        self.loader.exec_module(module)
        _register()
