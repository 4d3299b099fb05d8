"""Question generation with MiniLM as a UniLM sequence-to-sequence model.

>>> from qgen import QuestionGenerator
>>> generator = QuestionGenerator.from_pretrained()
>>> generator.questions("Marie Curie was born in Warsaw in 1867.", answer="Warsaw")
"""

from importlib import import_module

from qgen.errors import QGenError
from qgen.settings import GenerationSettings, TrainingSettings
from qgen.types import Example, Question, Request

__all__ = [
    "Example",
    "GenerationSettings",
    "QGenError",
    "Question",
    "QuestionGenerator",
    "Request",
    "TrainingSettings",
    "UniLMConfig",
    "UniLMForConditionalGeneration",
]

_NEED_TORCH = {
    "QuestionGenerator": "qgen.generator",
    "UniLMConfig": "qgen.modeling",
    "UniLMForConditionalGeneration": "qgen.modeling",
}


def __getattr__(name: str):
    """Import what needs torch only when it is asked for: ``qgen --help`` answers at once."""
    if name in _NEED_TORCH:
        return getattr(import_module(_NEED_TORCH[name]), name)
    raise AttributeError(f"module 'qgen' has no attribute {name!r}")
