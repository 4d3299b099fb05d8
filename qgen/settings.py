"""How to decode and how to train, as the library and the command line both take it."""

from __future__ import annotations

from dataclasses import dataclass, field

from qgen.errors import QGenError

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

DTYPES = ("auto", "float32", "bfloat16", "int8")
"""Arithmetic of the models; see ``qgen.model.runtime.linear.set_dtype``."""

EARLY_STOPPING = ("heuristic", "never")
"""When beam search may stop; see ``GenerationSettings.early_stopping``."""

BUFFER_SIZE = 64
"""Rows of a batch held in memory and written to disk together, unless said otherwise."""

OBJECTIVES = ("masked", "pseudo-masked", "minimum-risk")
"""What fine-tuning can predict; see ``TrainingSettings.objective``."""


def _setting(default, description: str, choices: tuple[str, ...] = ()):
    """A field whose description is also the help text of its command-line option."""
    return field(default=default, metadata={"help": description, "choices": choices})


@dataclass(frozen=True)
class GenerationSettings:
    """How to decode; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    num_beams: int = _setting(5, "beam width; not used when sampling")
    num_return_sequences: int = _setting(
        1, "questions per answer: n-best, at most the beam width, or samples"
    )
    max_length: int = _setting(48, "most tokens in a question, the closing [SEP] included")
    min_length: int = _setting(1, "fewest tokens before [SEP]")
    length_penalty: float = _setting(
        1.3, "exponent a of the score log P / length ** a; larger favours longer questions"
    )
    no_repeat_ngram_size: int = _setting(
        3, "no n-gram of this many word pieces stands twice; 0 for no limit"
    )
    early_stopping: str = _setting(
        "heuristic",
        "heuristic: stop when no live beam, ended at its present length, could beat the finished "
        "ones; never: when none could at any length, which takes about twice as long",
        EARLY_STOPPING,
    )
    do_sample: bool = _setting(False, "sample instead of beam search")
    temperature: float = _setting(0.7, "divides the logits before sampling")
    top_k: int = _setting(0, "sample among the k most probable tokens; 0 for all")
    top_p: float = _setting(0.9, "sample among the fewest tokens with this probability mass")
    seed: int = _setting(0, "seed of sampling")
    controls: tuple[str, ...] = _setting(
        (),
        "in which style or of which kind to ask, of those that the checkpoint knows (see its "
        "config.json); as a quiz does, without",
    )
    use_shortlist: bool = _setting(
        True,
        "choose among the tokens of the model's shortlist, where it has one, and of the passage; "
        "without, among the whole vocabulary, which is slower",
    )
    use_cache: bool = _setting(True, "reuse keys and values; without, every step is recomputed")

    def __post_init__(self):
        _check(
            (self.num_beams >= 1, "num_beams must be at least 1"),
            (self.num_return_sequences >= 1, "num_return_sequences must be at least 1"),
            (
                self.do_sample or self.num_return_sequences <= self.num_beams,
                "num_return_sequences must not exceed num_beams",
            ),
            (self.max_length >= 2, "max_length must be at least 2"),
            (0 <= self.min_length < self.max_length, "min_length must be below max_length"),
            (self.no_repeat_ngram_size >= 0, "no_repeat_ngram_size must not be negative"),
            _is_one_of("early_stopping", self.early_stopping, EARLY_STOPPING),
            (self.temperature > 0, "temperature must be positive"),
            (self.top_k >= 0, "top_k must not be negative"),
            (0 < self.top_p <= 1, "top_p must lie in (0, 1]"),
        )


@dataclass(frozen=True)
class QuizSettings:
    """Which questions to make and keep; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    max_answers: int = _setting(10, "questions per passage where no answer is given")
    min_confidence: float = _setting(
        0.7,
        "drop the questions about proposed answers that the reader trusts less, from 0 to 1; "
        "a given answer always gets its question",
    )
    kinds: tuple[str, ...] = _setting(
        (),
        "only answers of these kinds, where none is given (all kinds); "
        + ", ".join(f"{kind}: {question}" for kind, question in CLAUSE_KINDS.items()),
        ANSWER_KINDS,
    )
    choices: int = _setting(
        0, "multiple choice: the answer and so many wrong ones less one; 0 for none"
    )

    def __post_init__(self):
        _check(
            (self.max_answers >= 1, "max_answers must be at least 1"),
            (0 <= self.min_confidence <= 1, "min_confidence must lie in [0, 1]"),
            (set(self.kinds) <= set(ANSWER_KINDS), f"kinds must be {' or '.join(ANSWER_KINDS)}"),
            (self.choices in {0, *range(2, 9)}, "choices must be 0 or from 2 to 8"),
        )


@dataclass(frozen=True)
class OptimizationSettings:
    """How to fine-tune any model; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    epochs: float = _setting(10.0, "passes over the training examples")
    batch_size: int = _setting(32, "examples per pass")
    gradient_accumulation_steps: int = _setting(1, "passes per optimizer step")
    learning_rate: float = _setting(1e-4, "peak learning rate")
    warmup_ratio: float = _setting(0.1, "share of the steps spent warming up")
    decay_ratio: float = _setting(
        1.0, "share of the steps, at the end, in which the learning rate falls to zero; 0 for none"
    )
    weight_decay: float = _setting(0.01, "AdamW's, on all but biases and layer norms")
    hidden_dropout: float = _setting(0.1, "dropout of hidden states")
    attention_dropout: float = _setting(0.1, "dropout of attention weights")
    consistency_weight: float = _setting(
        0.0,
        "R-Drop: of the divergence between two passes with other dropout, beside the loss; "
        "0 for one pass",
    )
    attn_implementation: str = _setting(
        "sdpa",
        "how attention is computed; eager is faster on a CPU in bfloat16 with short sources",
        ATTN_IMPLEMENTATIONS,
    )
    max_dev_examples: int = _setting(2000, "dev examples whose loss is logged after every epoch")
    save_steps: int = _setting(500, "optimizer steps between checkpoints: what a kill can lose")
    logging_steps: int = _setting(50, "optimizer steps between lines of log.jsonl")
    bf16: bool | None = _setting(
        None, "autocast to bfloat16 (by default, where the hardware computes in it)"
    )
    seed: int = _setting(42, "seed of order, masking and dropout")

    def __post_init__(self):
        _check(
            (self.epochs > 0, "epochs must be positive"),
            (self.batch_size >= 1, "batch_size must be at least 1"),
            (
                self.gradient_accumulation_steps >= 1,
                "gradient_accumulation_steps must be at least 1",
            ),
            (self.learning_rate > 0, "learning_rate must be positive"),
            (0 <= self.warmup_ratio < 1, "warmup_ratio must lie in [0, 1)"),
            (0 <= self.decay_ratio <= 1, "decay_ratio must lie in [0, 1]"),
            (0 <= self.hidden_dropout < 1, "hidden_dropout must lie in [0, 1)"),
            (0 <= self.attention_dropout < 1, "attention_dropout must lie in [0, 1)"),
            (self.consistency_weight >= 0, "consistency_weight must not be negative"),
            _is_one_of("attn_implementation", self.attn_implementation, ATTN_IMPLEMENTATIONS),
            (self.max_dev_examples >= 1, "max_dev_examples must be at least 1"),
            (self.save_steps >= 1, "save_steps must be at least 1"),
            (self.logging_steps >= 1, "logging_steps must be at least 1"),
        )


@dataclass(frozen=True)
class TrainingSettings(OptimizationSettings):
    """How to fine-tune the question generator; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    label_smoothing: float = _setting(0.1, "probability mass spread over the vocabulary")
    objective: str = _setting(
        "masked",
        "masked: predict masked target tokens (UniLM); pseudo-masked: predict every target token "
        "from those before it (UniLMv2); minimum-risk: make those of the model's own n-best more "
        "probable that are most like the reference, after one of the others",
        OBJECTIVES,
    )
    mask_probability: float = _setting(
        0.7, "share of target tokens masked and predicted; not used when pseudo-masked"
    )
    hidden_share: float = _setting(
        0.0,
        "share of the tokens of every second target that the others see as [MASK]; used only when "
        "pseudo-masked",
    )
    likelihood_weight: float = _setting(
        0.3, "of the reference's likelihood beside the risk; not used otherwise"
    )
    max_examples: int = _setting(0, "only so many examples, drawn at random; 0 for all")
    max_source_length: int = _setting(464, "source tokens, special ones included")
    max_target_length: int = _setting(48, "target tokens, the closing [SEP] included")
    crop_share: float = _setting(
        0.0, "share of the examples whose passage is cut, anew each time, to a window at random"
    )
    mark_answers: bool = _setting(True, "enclose the answer in the passage with two marker tokens")
    copy_size: int = _setting(
        128,
        "width of the copy gate, which mixes the vocabulary's distribution with one over the "
        "tokens of the source, where the model has none yet; 0 for none",
    )
    shortlist_min_count: int = _setting(
        0,
        "give the model a shortlist: decoding then chooses among the tokens that stand at least so "
        "often in the training questions, and those of the passage; 0 to leave it as it is",
    )
    head_warmup_steps: int = _setting(
        0, "steps that train the LM head alone first, where the encoder came without one"
    )

    def __post_init__(self):
        super().__post_init__()
        _check(
            (0 <= self.label_smoothing < 1, "label_smoothing must lie in [0, 1)"),
            _is_one_of("objective", self.objective, OBJECTIVES),
            (0 < self.mask_probability <= 1, "mask_probability must lie in (0, 1]"),
            (
                self.consistency_weight == 0 or self.objective == "pseudo-masked",
                "consistency_weight needs the objective pseudo-masked",
            ),
            (0 <= self.hidden_share < 1, "hidden_share must lie in [0, 1)"),
            (self.likelihood_weight >= 0, "likelihood_weight must not be negative"),
            (self.max_examples >= 0, "max_examples must not be negative"),
            (0 <= self.crop_share <= 1, "crop_share must lie in [0, 1]"),
            (self.crop_share == 0 or self.mark_answers, "crop_share needs marked answers"),
            (self.copy_size >= 0, "copy_size must not be negative"),
            (self.max_source_length >= 8, "max_source_length must be at least 8"),
            (self.max_target_length >= 2, "max_target_length must be at least 2"),
            (self.shortlist_min_count >= 0, "shortlist_min_count must not be negative"),
            (self.head_warmup_steps >= 0, "head_warmup_steps must not be negative"),
        )


@dataclass(frozen=True)
class ReaderTrainingSettings(OptimizationSettings):
    """How to fine-tune the reader; the fields describe themselves.

    Raises:
        QGenError: a value is out of range.
    """

    max_length: int = _setting(256, "tokens of question and passage, special ones included")
    mismatched_share: float = _setting(
        0.15, "share of the examples that get a question about another passage: no answer"
    )
    unasked_share: float = _setting(
        0.25, "share of the examples that get no question: which spans are worth asking for"
    )

    def __post_init__(self):
        super().__post_init__()
        _check(
            (self.max_length >= 16, "max_length must be at least 16"),
            (0 <= self.mismatched_share < 1, "mismatched_share must lie in [0, 1)"),
            (
                0 <= self.unasked_share <= 1 - self.mismatched_share,
                "unasked_share must leave room beside mismatched_share",
            ),
        )


def _is_one_of(name: str, value: str, choices: tuple[str, ...]) -> tuple[bool, str]:
    return value in choices, f"{name} must be {' or '.join(choices)}"


def _check(*conditions: tuple[bool, str]) -> None:
    for holds, message in conditions:
        if not holds:
            raise QGenError(message)
