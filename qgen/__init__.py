"""Question generation with MiniLM as a UniLM sequence-to-sequence model.

>>> from qgen import QuestionGenerator
>>> generator = QuestionGenerator.from_pretrained()
>>> [question] = generator.questions("Marie Curie was born in Warsaw in 1867.", answer="Warsaw")
>>> question.question
'In which city was Marie Curie born?'

More is in ``docs/asking.md``.
"""

import sys
from importlib import import_module
from importlib.metadata import version

from qgen.errors import QGenError
from qgen.records import Answer, Example, Question, Request, Result
from qgen.settings import (
    GenerationSettings,
    QuizSettings,
    ReaderTrainingSettings,
    TrainingSettings,
)

__version__ = version("qgen")

__all__ = [
    "Answer",
    "Example",
    "GenerationSettings",
    "NBestGenerator",
    "QGenError",
    "Question",
    "QuestionGenerator",
    "QuizSettings",
    "Reader",
    "ReaderTrainingSettings",
    "Request",
    "Result",
    "TrainingSettings",
    "UniLMConfig",
    "UniLMForConditionalGeneration",
]

_NEED_TORCH = {
    "NBestGenerator": "qgen.asking.generator",
    "QuestionGenerator": "qgen.asking.pipeline",
    "Reader": "qgen.model.reader",
    "UniLMConfig": "qgen.transformers",
    "UniLMForConditionalGeneration": "qgen.transformers",
}


def __getattr__(name: str):
    """Import what needs torch only when it is asked for: ``qgen --help`` answers at once."""
    if name in _NEED_TORCH:
        globals()[name] = getattr(import_module(_NEED_TORCH[name]), name)  # once
        return globals()[name]
    raise AttributeError(f"module 'qgen' has no attribute {name!r}")


if "transformers.models.auto.modeling_auto" in sys.modules:
    # Its auto classes are in use, and are told of this package's models.  Where they are imported
    # later, `import qgen.transformers` does the same.
    import_module("qgen.transformers")
