"""How to decode and how to train, as the library and the command line both take it.

Annotations are types here and no texts, so that ``Field.type`` says to all who ask what a field
takes: ``bool``, ``bool | None``, ``int``, ``float``, ``str`` or ``tuple[str, ...]``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Any

from qgen.errors import QGenError, shown

ROUNDED_BITS = ("none", "8", "4", "mixed")
"""To what training can round weights; see ``TrainingSettings.rounded_bits``."""
ATTN_IMPLEMENTATIONS = ("sdpa", "eager")
"""How attention can be computed in training; see ``TrainingSettings.attn_implementation``."""

CLAUSE_KINDS = {
    "reason": "why",
    "purpose": "why",
    "manner": "how",
    "condition": "in what case",
    "contrast": "despite what",
    "outcome": "what happens",
}
"""Kinds of whole clauses, see ``qgen.english.clauses``, and how one asks for them."""

CONTROLS_OF_KINDS = {"reason": "why", "purpose": "why", "manner": "how"}
"""The control of the generator by which an answer of a kind is asked for; those of other kinds have
the kind's own name, where the checkpoint has one."""

ANSWER_KINDS = ("date", "number", "person", "place", "name", "phrase", *CLAUSE_KINDS)
"""Kinds of proposed answers: by form, see ``qgen.english.phrases``, and persons and places by the
question that is asked for them, see ``qgen.asking.checks.kind_asked_for``."""

STATEMENT = "statement"
"""The control by which the generator writes no question but a statement that has the answer."""

OPEN_TYPES = ("wh", "why", "how")
"""Types of question that are asked, by how they begin."""

QUESTION_TYPES = (*OPEN_TYPES, "true-false", "cloze")
"""Types of question; the last two are made of a statement that has the answer."""

DTYPES = ("auto", "float32", "bfloat16", "int8")
"""Arithmetic of the models; see ``qgen.model.runtime.linear.set_dtype``."""

EARLY_STOPPING = ("heuristic", "never")
"""When beam search may stop; see ``GenerationSettings.early_stopping``."""

BUFFER_SIZE = 64
"""Rows of a batch held in memory and written to disk together, unless said otherwise."""

OBJECTIVES = ("masked", "pseudo-masked", "minimum-risk")
"""What fine-tuning can predict; see ``TrainingSettings.objective``."""


def _setting(
    default,
    description: str,
    choices: tuple[str, ...] = (),
    *,
    needs: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
):
    """A field that says what it takes, from which options, schemas and sliders can be made.

    Its metadata are ``help``; ``choices``, empty where any value goes; ``needs``, the field without
    which this one is not used, if there is one; and of ``ge``, ``gt``, ``le`` and ``lt`` those that
    bound it, named as pydantic names them.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    metadata = {"help": description, "choices": choices, "needs": needs, **given}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class _Checked:
    """A settings class whose fields are of their types, finite, and within their bounds."""

    def __post_init__(self):
        for each in fields(self):
            value = _typed(each.name, each.type, getattr(self, each.name))
            object.__setattr__(self, each.name, value)
            _check_choice(each.name, value, each.metadata["choices"])
            _check_bounds(each.name, value, each.metadata)


def _typed(name: str, kind: Any, value: Any) -> Any:
    """The value as its field has it, such as a tuple for a list or an int for NumPy's.

    Args:
        name: of the field.
        kind: its annotation.
        value: whatever was given.

    Raises:
        QGenError: the value is of another type, or not finite.
    """
    is_bool = isinstance(value, bool)
    if kind in (bool, bool | None):
        if isinstance(value, kind):
            return value
        wanted = "true or false"
    elif kind is int:
        if isinstance(value, Integral) and not is_bool:
            return int(value)
        wanted = "a whole number"
    elif kind is float:
        if isinstance(value, Real) and not is_bool and math.isfinite(value):
            return value if isinstance(value, int) else float(value)
        wanted = "a finite number"
    elif kind is str:
        if isinstance(value, str):
            return value
        wanted = "text"
    else:
        if isinstance(value, list | tuple | set | frozenset) and all(
            isinstance(one, str) for one in value
        ):
            return tuple(value)
        wanted = "a list of texts"
    raise QGenError(f"{name} must be {wanted}, not {shown(value, 40)}")


def _check_choice(name: str, value, choices: tuple[str, ...]) -> None:
    given = value if isinstance(value, tuple) else (value,)
    for one in given:
        if choices and one not in choices:
            raise QGenError(f"{name} must be {' or '.join(choices)}, not {shown(one, 40)}")


def _check_bounds(name: str, value, bounds: Mapping[str, float]) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    least, most = (bounds.get(a, bounds.get(b)) for a, b in (("ge", "gt"), ("le", "lt")))
    too_little = least is not None and (value < least or ("gt" in bounds and value == least))
    too_much = most is not None and (value > most or ("lt" in bounds and value == most))
    if not too_little and not too_much:
        return
    if least is not None and most is not None:
        opening, closing = "(" if "gt" in bounds else "[", ")" if "lt" in bounds else "]"
        raise QGenError(f"{name} must lie in {opening}{least}, {most}{closing}")
    if "gt" in bounds and least == 0:
        raise QGenError(f"{name} must be positive")
    limit = f"at least {least}" if too_little else f"at most {most}"
    raise QGenError(f"{name} must be {limit}")


@dataclass(frozen=True)
class GenerationSettings(_Checked):
    """How to decode; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    num_beams: int = _setting(5, "beam width; not used when sampling", ge=1)
    num_return_sequences: int = _setting(
        1, "questions per answer: n-best, at most the beam width, or samples", ge=1
    )
    max_length: int = _setting(48, "most tokens in a question, the closing [SEP] included", ge=2)
    min_length: int = _setting(1, "fewest tokens before [SEP]", ge=0)
    length_penalty: float = _setting(
        1.1,
        "exponent a of the score log P / length ** a; larger favours longer questions",
        ge=-10,
        le=10,
    )
    no_repeat_ngram_size: int = _setting(
        3, "no n-gram of this many word pieces stands twice; 0 for no limit", ge=0
    )
    early_stopping: str = _setting(
        "heuristic",
        "heuristic: stop when no live beam, ended at its present length, could beat the finished "
        "ones; never: when none could at any length, which takes about twice as long",
        EARLY_STOPPING,
    )
    do_sample: bool = _setting(False, "sample instead of beam search")
    temperature: float = _setting(
        0.7, "divides the logits before sampling", needs="do_sample", ge=0.01, le=100
    )
    top_k: int = _setting(
        0, "sample among the k most probable tokens; 0 for all", needs="do_sample", ge=0
    )
    top_p: float = _setting(
        0.9,
        "sample among the fewest tokens with this probability mass",
        needs="do_sample",
        gt=0,
        le=1,
    )
    seed: int = _setting(0, "seed of sampling", needs="do_sample", ge=0, lt=2**32)
    controls: tuple[str, ...] = _setting(
        (),
        "styles or kinds to ask in (default: as a quiz does); the shipped checkpoint knows action, "
        "causal, character, condition, contrast, discourse, example, feeling, how, manner, "
        "outcome, prediction, reason, search, setting, short, similarity, time, why",
    )
    use_shortlist: bool = _setting(
        True,
        "choose among the tokens of the model's shortlist, where it has one, and of the passage; "
        "without, among the whole vocabulary, which is slower",
    )
    use_cache: bool = _setting(True, "reuse keys and values; without, every step is recomputed")

    def __post_init__(self):
        super().__post_init__()
        _require(
            self.do_sample or self.num_return_sequences <= self.num_beams,
            "num_return_sequences must not exceed num_beams",
        )
        _require(self.min_length < self.max_length, "min_length must be below max_length")

    @property
    def width(self) -> int:
        """How many beams a search has, or how many samples are drawn."""
        return self.num_return_sequences if self.do_sample else self.num_beams


@dataclass(frozen=True)
class QuizSettings(_Checked):
    """Which questions to make and keep; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    max_answers: int = _setting(10, "questions per passage where no answer is given", ge=1)
    min_confidence: float = _setting(
        0.3,
        "drop questions about proposed answers whose confidence, from 0 to 1, is lower; a given "
        "answer always gets its question",
        ge=0,
        le=1,
    )
    kinds: tuple[str, ...] = _setting(
        (),
        "kinds of answers to propose, where none is given (default: all but contrast and outcome, "
        "which are seldom good); clauses are "
        + ", ".join(f"{kind} ({question})" for kind, question in CLAUSE_KINDS.items()),
        ANSWER_KINDS,
    )
    types: tuple[str, ...] = _setting(
        (),
        "types of question to make, in about equal numbers (default: wh why how); why and how (in "
        "what way): by how they begin, wh: any other question, cloze: fill in the blank, "
        "true-false: a statement",
        QUESTION_TYPES,
    )
    choices: int = _setting(
        0,
        "multiple choice with so many choices, 2 to 8, the right one included; 0 for none",
        ge=0,
        le=8,
    )
    topic: str = _setting(
        "", "ask only about passages, and paragraphs of documents, that are near these words"
    )
    focus: str = _setting(
        "", "of documents, ask only about what stands under a heading that has these words"
    )
    tries: int = _setting(
        8,
        "proposed answers to try, at most, for each question wanted; after the first two, "
        "questions must be a little surer",
        ge=1,
    )

    def __post_init__(self):
        super().__post_init__()
        _require(self.choices != 1, "choices must be 0 or from 2 to 8")


@dataclass(frozen=True)
class OptimizationSettings(_Checked):
    """How to fine-tune any model; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    epochs: float = _setting(10.0, "passes over the training examples", gt=0)
    batch_size: int = _setting(32, "examples per pass", ge=1, le=4096)
    gradient_accumulation_steps: int = _setting(1, "passes per optimizer step", ge=1)
    learning_rate: float = _setting(1e-4, "peak learning rate", gt=0)
    warmup_ratio: float = _setting(0.1, "share of the steps spent warming up", ge=0, lt=1)
    decay_ratio: float = _setting(
        1.0,
        "share of the steps, at the end, in which the learning rate falls to zero; 0 for none",
        ge=0,
        le=1,
    )
    weight_decay: float = _setting(0.01, "AdamW's, on all but biases and layer norms", ge=0)
    hidden_dropout: float = _setting(0.1, "dropout of hidden states", ge=0, lt=1)
    attention_dropout: float = _setting(0.1, "dropout of attention weights", ge=0, lt=1)
    consistency_weight: float = _setting(
        0.0,
        "R-Drop: of the divergence between two passes with other dropout, beside the loss; "
        "0 for one pass",
        ge=0,
    )
    attn_implementation: str = _setting(
        "sdpa",
        "how attention is computed; eager is faster on a CPU in bfloat16 with short sources",
        ATTN_IMPLEMENTATIONS,
    )
    max_dev_examples: int = _setting(
        2000, "dev examples whose loss is logged after every epoch", ge=1
    )
    save_steps: int = _setting(
        500, "optimizer steps between checkpoints: what a kill can lose", ge=1
    )
    logging_steps: int = _setting(50, "optimizer steps between lines of log.jsonl", ge=1)
    bf16: bool | None = _setting(
        None, "autocast to bfloat16 (by default, where the hardware computes in it)"
    )
    rounded_bits: str = _setting(
        "none",
        "bits that each weight of a large matrix is rounded to in every step, as a packed "
        "checkpoint has them; mixed: 4 in word embeddings and feed-forward layers, else 8",
        ROUNDED_BITS,
    )
    seed: int = _setting(42, "seed of order, masking and dropout", ge=0, lt=2**32)


@dataclass(frozen=True)
class TrainingSettings(OptimizationSettings):
    """How to fine-tune the question generator; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    label_smoothing: float = _setting(
        0.1, "probability mass spread over the vocabulary", ge=0, lt=1
    )
    objective: str = _setting(
        "masked",
        "masked: predict masked target tokens (UniLM); pseudo-masked: predict every target token "
        "from those before it (UniLMv2); minimum-risk: make those of the model's own n-best more "
        "probable that are most like the reference, after one of the others",
        OBJECTIVES,
    )
    mask_probability: float = _setting(
        0.7, "share of target tokens masked and predicted; not used when pseudo-masked", gt=0, le=1
    )
    hidden_share: float = _setting(
        0.0,
        "share of the tokens of every second target that the others see as [MASK]; used only when "
        "pseudo-masked",
        ge=0,
        lt=1,
    )
    teacher: str = _setting(
        "",
        "learn, token by token, what this generator would write: fast or best, which ship, or a "
        "folder; used only when pseudo-masked",
    )
    teacher_weight: float = _setting(
        0.7,
        "of the teacher's distribution; the question itself has the rest",
        needs="teacher",
        gt=0,
        le=1,
    )
    likelihood_weight: float = _setting(
        0.3, "of the reference's likelihood beside the risk; not used otherwise", ge=0
    )
    max_examples: int = _setting(0, "only so many examples, drawn at random; 0 for all", ge=0)
    max_source_length: int = _setting(464, "source tokens, special ones included", ge=8)
    max_target_length: int = _setting(48, "target tokens, the closing [SEP] included", ge=2)
    crop_share: float = _setting(
        0.0,
        "share of the examples whose passage is cut, anew each time, to a window at random",
        ge=0,
        le=1,
    )
    mark_answers: bool = _setting(True, "enclose the answer in the passage with two marker tokens")
    copy_size: int = _setting(
        128,
        "width of the copy gate, which mixes the vocabulary's distribution with one over the "
        "tokens of the source, where the model has none yet; 0 for none",
        ge=0,
    )
    shortlist_min_count: int = _setting(
        0,
        "give the model a shortlist: decoding then chooses among the tokens that stand at least so "
        "often in the training questions, and those of the passage; 0 to leave it as it is",
        ge=0,
    )
    head_warmup_steps: int = _setting(
        0, "steps that train the LM head alone first, where the encoder came without one", ge=0
    )

    def __post_init__(self):
        super().__post_init__()
        _require(
            self.consistency_weight == 0 or self.objective == "pseudo-masked",
            "consistency_weight needs the objective pseudo-masked",
        )
        _require(
            not self.teacher or (self.objective == "pseudo-masked" and not self.consistency_weight),
            "a teacher needs the objective pseudo-masked, without consistency_weight",
        )
        _require(self.crop_share == 0 or self.mark_answers, "crop_share needs marked answers")


@dataclass(frozen=True)
class ReaderTrainingSettings(OptimizationSettings):
    """How to fine-tune the reader; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    max_length: int = _setting(256, "tokens of question and passage, special ones included", ge=16)
    mismatched_share: float = _setting(
        0.15,
        "share of the examples that get a question about another passage: no answer",
        ge=0,
        lt=1,
    )
    unasked_share: float = _setting(
        0.25, "share of the examples that get no question: which spans are worth asking for", ge=0
    )

    def __post_init__(self):
        super().__post_init__()
        _require(
            self.unasked_share <= 1 - self.mismatched_share,
            "unasked_share must leave room beside mismatched_share",
        )


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise QGenError(message)
