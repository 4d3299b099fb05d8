"""BLEU, ROUGE-L and METEOR with several references per input.

Hypotheses and references are tokenised strings: lower-cased tokens separated by
single spaces (see ``eval.tokenisation``).  A scorer takes ``hypotheses``, one string
for each of the N inputs, and ``references``, N non-empty lists of strings, and
gives percentages from 0 to 100.  It raises ``QGenError`` when the two differ in
length, when there is nothing to score or when an input has no reference.

Published question-generation results come from the ``qgevalcap`` scripts of Du
et al. 2017 (arXiv 1705.00106), themselves taken from coco-caption.
``corpus_bleu`` and ``rouge_l`` run those scripts as ``pycocoevalcap`` packages
them, and ``java_meteor`` gives the same numbers; the others are the common packages'
definitions, for comparison.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
from nltk.corpus import wordnet
from nltk.translate.meteor_score import meteor_score
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.rouge.rouge import Rouge
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU

from qgen.errors import QGenError

_METEOR_TIMEOUT_S = 600
_COCO = "coco-caption formula"
DRAWS = 1000
"""Corpora of a bootstrap interval."""


@dataclass(frozen=True)
class Score:
    """One measured number and how it was measured.

    Attributes:
        metric: the metric's name: ``"BLEU-1"`` to ``"BLEU-4"``, ``"ROUGE-L"`` or
            ``"METEOR"``.
        value: percent, or ``None`` where the scorer is not available.
        implementation: the program or formula that gave the value.
        tokenisation: how hypotheses and references were split into tokens.
        reason: why ``value`` is ``None``; empty otherwise.
        interval: of :func:`bootstrap`, 95 %; ``None`` where it is not computed.
    """

    metric: str
    value: float | None
    implementation: str
    tokenisation: str
    reason: str = ""
    interval: tuple[float, float] | None = None


def score_all(hypotheses: list[str], references: list[list[str]], tokenisation: str) -> list[Score]:
    """Every metric of this module.

    Args:
        hypotheses: N tokenised strings.
        references: N non-empty lists of tokenised strings.
        tokenisation: the name of the inputs' tokenisation, for the record.

    Returns:
        The scores; the first one of a metric's name is the one that published
        results are comparable with.  A scorer that fails or is not installed
        has the value ``None`` and the reason, and the others go on.

    Raises:
        QGenError: see the module's description.
    """
    _check(hypotheses, references)
    scores: list[Score] = []
    for names, implementation, further, scorer in _SCORERS:
        reason = ""
        try:
            found = scorer(hypotheses, references)
        except Exception as error:  # of whatever kind: it must not take the other scores along
            found, reason = None, " ".join(str(error).split()) or type(error).__name__
        if isinstance(found, tuple):  # with a signature
            found, implementation = found
        values = found if isinstance(found, list) else [found] * len(names)
        scores += [
            Score(name, value, implementation, tokenisation + further, reason)
            for name, value in zip(names, values, strict=True)
        ]
        if implementation == _COCO and not reason:
            scores[-1] = _with_interval(scores[-1], hypotheses, references)
    return scores


def _with_interval(score: Score, hypotheses: list[str], references: list[list[str]]) -> Score:
    """A score by the coco-caption formulas with its interval, if that can be computed."""
    try:
        return replace(score, interval=_INTERVALS[score.metric](hypotheses, references))
    except Exception:  # of whatever kind: the score holds without it
        return score


def corpus_bleu(hypotheses: list[str], references: list[list[str]]) -> list[float]:
    """BLEU-1 to BLEU-4 of coco-caption's ``bleu_scorer.py``.

    BLEU of Papineni et al. 2002 over the whole corpus: n-gram counts clipped to
    the largest count in any one reference, the reference length closest to the
    hypothesis (the shorter one of a tie), no smoothing beyond the script's 1e-15
    and 1e-9 against division by zero.

    Returns:
        Four percentages.
    """
    scores, _ = Bleu(4).compute_score(*_coco(hypotheses, references), verbose=0)
    return [100 * score for score in scores]


def rouge_l(hypotheses: list[str], references: list[list[str]]) -> float:
    """ROUGE-L of coco-caption's ``rouge.py``, in percent.

    The F-measure with beta = 1.2 of the longest common subsequence (Lin 2004).
    Precision and recall are each the largest over the references, so they may
    come from different ones.  The mean over inputs.
    """
    mean, _ = Rouge().compute_score(*_coco(hypotheses, references))
    return 100 * float(mean)


def bleu_interval(hypotheses: list[str], references: list[list[str]]) -> tuple[float, float]:
    """The interval of :func:`bootstrap` for BLEU-4 of :func:`corpus_bleu`, in percent."""
    scorer = BleuScorer(n=4)
    for hypothesis, of_input in zip(hypotheses, references, strict=True):
        scorer += (hypothesis, of_input)

    def closest(lengths: list[int], length: int) -> int:
        return min(lengths, key=lambda one: (abs(one - length), one))

    # What BLEU sums up: of four lengths n-grams that are right and n-grams, and two lengths.
    counts = [
        [*c["correct"], *c["guess"], c["testlen"], closest(c["reflen"], c["testlen"])]
        for c in scorer.ctest
    ]

    def bleu(sums: np.ndarray) -> float:
        precisions = np.log((sums[:4] + 1e-15) / (sums[4:8] + 1e-9))
        return 100 * float(np.exp(precisions.mean() + min(0.0, 1 - sums[9] / max(1, sums[8]))))

    return bootstrap(np.array(counts), bleu)


def rouge_interval(hypotheses: list[str], references: list[list[str]]) -> tuple[float, float]:
    """The interval of :func:`bootstrap` for :func:`rouge_l`, in percent."""
    _, each = Rouge().compute_score(*_coco(hypotheses, references))
    return bootstrap(100 * np.array(each)[:, None], lambda sums: float(sums[0] / len(each)))


def bootstrap(counts: np.ndarray, score: Callable[[np.ndarray], float]) -> tuple[float, float]:
    """In what range a score would lie on other inputs like these.

    The percentile bootstrap (Koehn 2004): the score of :data:`DRAWS` corpora, each of as many
    inputs drawn from these with replacement, always the same ones.

    Args:
        counts: ``[inputs, counts]``, what the score sums up.
        score: of the sums, ``[counts]``.

    Returns:
        The 2.5th and the 97.5th percentile.
    """
    draw = np.random.default_rng(0)
    size = len(counts)
    scores = [score(counts[draw.integers(size, size=size)].sum(0)) for _ in range(DRAWS)]
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


def sacrebleu_bleu(hypotheses: list[str], references: list[list[str]]) -> tuple[float, str]:
    """BLEU-4 of sacreBLEU (Post 2018) without its own tokenisation.

    Returns:
        The percentage, and sacreBLEU's name and signature, which names every setting.
    """
    _check(hypotheses, references)
    # force: the inputs are meant to be tokenised, so do not warn about it.
    scorer = BLEU(tokenize="none", force=True)
    # sacreBLEU wants the k-th references of all inputs together, None for none.
    streams = [list(stream) for stream in zip_longest(*references)]
    value = scorer.corpus_score(hypotheses, streams).score
    return value, f"sacreBLEU {scorer.get_signature().format()}"


def rouge_score_l(hypotheses: list[str], references: list[list[str]]) -> float:
    """ROUGE-L F1 of the ``rouge-score`` package without stemming, in percent.

    The best F1 over the references, averaged over inputs.  The package splits
    the text again into runs of ``[a-z0-9]``, which drops punctuation and
    accented letters.
    """
    _check(hypotheses, references)
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    return 100 * _mean(
        scorer.score_multi(segment_references, hypothesis)["rougeL"].fmeasure
        for hypothesis, segment_references in zip(hypotheses, references, strict=True)
    )


def nltk_meteor(hypotheses: list[str], references: list[list[str]]) -> tuple[float, str]:
    """METEOR of NLTK (the 2007 parameters of Lavie and Agarwal), in percent.

    Not comparable with METEOR 1.5: it has other weights, no paraphrases and no
    function-word weighting.  The best score over the references, averaged over
    inputs.

    Returns:
        The percentage and the implementation's name, which says whether
        WordNet's synonyms were used; they are where NLTK's data has WordNet.
    """
    _check(hypotheses, references)
    try:
        wordnet.ensure_loaded()
        synonyms, matching = wordnet, "exact + stem + WordNet"
    except (LookupError, OSError):  # not installed, or only a part of it
        synonyms, matching = _NoSynonyms(), "exact + stem, no WordNet"
    value = 100 * _mean(
        meteor_score(
            [reference.split() for reference in segment_references],
            hypothesis.split(),
            wordnet=synonyms,
        )
        for hypothesis, segment_references in zip(hypotheses, references, strict=True)
    )
    return value, f"NLTK METEOR ({matching})"


def java_meteor(hypotheses: list[str], references: list[list[str]]) -> float:
    """METEOR 1.5 (Denkowski and Lavie 2014), in percent.

    Runs the jar of ``find_meteor_jar`` as coco-caption's ``meteor.py`` does: one
    SCORE request per input, then one EVAL request over all their statistics,
    whose last line is the corpus score.  The two kinds of request go to two runs
    of Java, of about six seconds' start each, so that neither side can block on
    a full pipe.

    Raises:
        QGenError: Java or the jar is missing, or the run fails; or see the
            module's description.
    """
    _check(hypotheses, references)
    jar = find_meteor_jar()
    if jar is None:
        raise QGenError("no METEOR 1.5 jar; set METEOR_JAR or install pycocoevalcap")
    requests = [
        _meteor_request("SCORE", map(_meteor_field, [*segment_references, hypothesis]))
        for hypothesis, segment_references in zip(hypotheses, references, strict=True)
    ]
    statistics = _run_meteor(jar, requests)
    scores = _run_meteor(jar, [_meteor_request("EVAL", statistics)])
    try:
        return 100 * float(scores[-1])
    except (IndexError, ValueError) as error:
        raise QGenError(f"METEOR 1.5 gave no score: {scores[-1:]}") from error


def find_meteor_jar() -> Path | None:
    """The METEOR 1.5 jar: ``$METEOR_JAR``, else the one in ``pycocoevalcap``.

    Returns:
        The jar's path, or ``None`` where there is none.

    Raises:
        QGenError: ``METEOR_JAR`` is set but names no file.
    """
    if configured := os.environ.get("METEOR_JAR"):
        if not Path(configured).is_file():
            raise QGenError(f"METEOR_JAR names no file: {configured}")
        return Path(configured).resolve()
    package = importlib.util.find_spec("pycocoevalcap")
    for folder in (package and package.submodule_search_locations) or ():
        jar = Path(folder) / "meteor" / "meteor-1.5.jar"
        if jar.is_file():
            return jar
    return None


def group_by_source(
    sources: list[str], hypotheses: list[str], references: list[str]
) -> tuple[list[str], list[list[str]]]:
    """Inputs grouped by source, as Du et al.'s ``eval.py`` groups them.

    That script fills a dictionary keyed by the tokenised source sentence: all
    the questions of one source become its references, and each hypothesis
    replaces the one before, so the last one of a source is the one scored.

    Args:
        sources: N tokenised source strings.
        hypotheses: N tokenised questions.
        references: N tokenised reference questions, one an input.

    Returns:
        The hypothesis and the references of each distinct source, in the order
        in which the sources first appear.

    Raises:
        QGenError: the three lists differ in length.
    """
    if not len(sources) == len(hypotheses) == len(references):
        raise QGenError(
            f"{len(sources)} sources, {len(hypotheses)} hypotheses and "
            f"{len(references)} references should be equally many"
        )
    hypothesis_of: dict[str, str] = {}
    references_of: dict[str, list[str]] = {}
    for source, hypothesis, reference in zip(sources, hypotheses, references, strict=True):
        hypothesis_of[source] = hypothesis
        references_of.setdefault(source, []).append(reference)
    return list(hypothesis_of.values()), list(references_of.values())


class _NoSynonyms:
    """Stands in for NLTK's WordNet reader where its data is not installed."""

    def synsets(self, word: str) -> list:
        return []


def _check(hypotheses: list[str], references: list[list[str]]) -> None:
    if len(hypotheses) != len(references):
        raise QGenError(f"{len(hypotheses)} hypotheses but references for {len(references)} inputs")
    if not hypotheses:
        raise QGenError("there are no hypotheses to score")
    if not all(references):
        raise QGenError("every input needs at least one reference")


def _coco(
    hypotheses: list[str], references: list[list[str]]
) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """References and hypotheses as coco-caption's scorers take them."""
    _check(hypotheses, references)
    return dict(enumerate(references)), {i: [each] for i, each in enumerate(hypotheses)}


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def _meteor_request(verb: str, fields: Iterable[str]) -> str:
    return " ||| ".join([verb, *fields])


def _meteor_field(text: str) -> str:
    """The text on one line and without METEOR's field separator."""
    return " ".join(text.replace("|||", " ").split())


def _run_meteor(jar: Path, requests: list[str]) -> list[str]:
    """The lines that METEOR's ``-stdio`` mode answers to the requests."""
    java = shutil.which("java")
    if java is None:
        raise QGenError("METEOR 1.5 needs Java, and there is no java on the PATH")
    command = [java, "-Xmx2G", "-jar", str(jar)]
    try:
        completed = subprocess.run(
            [*command, "-", "-", "-stdio", "-l", "en", "-norm"],
            input="\n".join(requests) + "\n",
            capture_output=True,
            check=True,
            encoding="utf-8",
            timeout=_METEOR_TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        raise QGenError(f"METEOR 1.5 failed: {_java_message(error.stderr)}") from error
    except OSError as error:
        raise QGenError(f"METEOR 1.5 cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise QGenError(f"METEOR 1.5 ran past {_METEOR_TIMEOUT_S} s") from error
    return completed.stdout.splitlines()


def _java_message(stderr: str) -> str:
    """What Java says went wrong, without its stack."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = [line for line in lines if not re.match(r"at \S+\(|\.\.\. \d+ more", line)]
    named = [line for line in said if re.search(r"Error|Exception", line)]
    return (named or said or ["no message"])[0]


_Scorer = Callable[[list[str], list[list[str]]], "float | list[float] | tuple[float, str]"]

_SCORERS: list[tuple[tuple[str, ...], str, str, _Scorer]] = [
    (("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"), _COCO, "", corpus_bleu),
    (("METEOR",), "METEOR 1.5 (Java, -l en -norm)", ", normalised by METEOR", java_meteor),
    (("ROUGE-L",), _COCO, "", rouge_l),
    (("BLEU-4",), "sacreBLEU", "", sacrebleu_bleu),
    (("METEOR",), "NLTK METEOR", "", nltk_meteor),
    (("ROUGE-L",), "rouge-score (F1, no stemmer)", ", then rouge-score's [a-z0-9]+", rouge_score_l),
]
"""Names, implementation, what it does to the tokens, and function, in the order of the report."""

_INTERVALS = {"BLEU-4": bleu_interval, "ROUGE-L": rouge_interval}
"""Of what published results are compared with: the last score of each coco-caption formula."""
