"""eval.metrics against hand-computed values and the original scripts."""

import math
import random
import shutil

import pytest

from eval import metrics
from eval.tokenisation import detokenize_ptb, ptb_tokenize, wordpiece_tokenize
from qgen.errors import QGenError

PERFECT = ["who founded the city of brasília ?", "when was it founded ?"]
SCORERS = [
    metrics.corpus_bleu,
    metrics.rouge_l,
    metrics.sacrebleu_bleu,
    metrics.rouge_score_l,
    metrics.nltk_meteor,
    metrics.java_meteor,
]


@pytest.fixture
def corpus():
    """60 random inputs of 1 to 4 references; one hypothesis is empty."""
    rng = random.Random(0)
    words = ["a", "b", "c", "d", "e"]

    def sentence():
        return " ".join(rng.choices(words, k=rng.randint(1, 12)))

    hypotheses = [""] + [sentence() for _ in range(59)]
    references = [[sentence() for _ in range(rng.randint(1, 4))] for _ in hypotheses]
    return hypotheses, references


def coco(corpus):
    """The corpus as the two dictionaries that the coco-caption scripts take."""
    hypotheses, references = corpus
    return dict(enumerate(references)), {i: [h] for i, h in enumerate(hypotheses)}


def needs_meteor():
    if shutil.which("java") is None or metrics.find_meteor_jar() is None:
        pytest.skip("METEOR 1.5 needs Java and its jar")


def test_bleu_by_hand():
    # 3 of 4 unigrams, 2 of 3 bigrams, 1 of 2 trigrams; the closer reference has
    # 5 tokens, so the brevity penalty is exp(1 - 5/4).
    bleu = metrics.corpus_bleu(["a b c x"], [["a b c d e", "q r s t u v w"]])
    penalty = 100 * math.exp(-0.25)
    assert bleu[:3] == pytest.approx(
        [penalty * 3 / 4, penalty * (1 / 2) ** 0.5, penalty * (1 / 4) ** (1 / 3)]
    )
    assert bleu[3] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("name", ["bleu", "rouge"])
def test_an_interval_holds_the_score_and_narrows_with_more_inputs(corpus, name):
    hypotheses, references = corpus
    interval = {"bleu": metrics.bleu_interval, "rouge": metrics.rouge_interval}[name]
    score = {"bleu": lambda *c: metrics.corpus_bleu(*c)[3], "rouge": metrics.rouge_l}[name]
    low, high = interval(hypotheses, references)
    assert low < score(hypotheses, references) < high
    narrow_low, narrow_high = interval(hypotheses * 9, references * 9)
    ratio = (narrow_high - narrow_low) / (high - low)
    # A mean's is a third; BLEU's is another on the few four-grams that are right here.
    assert ratio == pytest.approx(1 / 3, rel=0.1) if name == "rouge" else ratio < 1 / 2


def test_the_scores_that_are_compared_have_an_interval(corpus):
    scores = metrics.score_all(*corpus, "as given")
    first = {score.metric: score for score in reversed(scores)}
    assert [name for name, score in first.items() if score.interval] == ["ROUGE-L", "BLEU-4"]


def test_an_interval_that_fails_leaves_its_score(corpus, monkeypatch):
    def broken(hypotheses, references):
        raise ZeroDivisionError

    monkeypatch.setitem(metrics._INTERVALS, "ROUGE-L", broken)
    first = {s.metric: s for s in reversed(metrics.score_all(*corpus, "as given"))}
    assert first["ROUGE-L"].value == metrics.rouge_l(*corpus)
    assert first["ROUGE-L"].interval is None and first["BLEU-4"].interval


def test_an_interval_of_equal_inputs_is_their_score():
    hypotheses, references = ["a b c d x"] * 7, [["a b c d e", "a b"]] * 7
    interval = metrics.bleu_interval(hypotheses, references)
    assert interval == pytest.approx([metrics.corpus_bleu(hypotheses, references)[3]] * 2)


def test_bleu_clips_to_the_largest_count_in_one_reference():
    bleu = metrics.corpus_bleu(["a a a a"], [["a b b b", "a a b b"]])
    assert bleu[0] == pytest.approx(50)


def test_bleu_pools_counts_over_the_corpus():
    bleu = metrics.corpus_bleu(["a b c", "x"], [["a b c"], ["y"]])
    assert bleu[0] == pytest.approx(75)


def test_rouge_l_by_hand():
    # The longest common subsequence "a c": precision 2/2, recall 2/5.
    f = 2.44 * 1 * 0.4 / (0.4 + 1.44 * 1)
    assert metrics.rouge_l(["a c"], [["a b q r c"]]) == pytest.approx(100 * f)


def test_rouge_l_takes_precision_and_recall_from_different_references():
    # First reference: precision 3/4, recall 3/6.  Second: 2/4 and 2/2.
    value = metrics.rouge_l(["a b c d"], [["a b c x y z", "a d"]])
    f = 2.44 * 0.75 * 1 / (1 + 1.44 * 0.75)
    assert value == pytest.approx(100 * f)


def test_scores_of_varied_inputs(corpus):
    # By the formulas that this module once had of its own.
    expected = [73.12661498689114, 49.29627030846506, 26.079695669074532, 12.38739805233021]
    assert metrics.corpus_bleu(*corpus) == pytest.approx(expected, abs=1e-9)
    assert metrics.rouge_l(*corpus) == pytest.approx(51.13130935967913, abs=1e-9)


@pytest.mark.slow
def test_java_meteor_equals_coco_caption(corpus):
    needs_meteor()
    meteor = pytest.importorskip("pycocoevalcap.meteor.meteor")
    expected, _ = meteor.Meteor().compute_score(*coco(corpus))
    assert metrics.java_meteor(*corpus) == pytest.approx(100 * expected)


@pytest.mark.parametrize("jar", [None, "absent.jar"])
def test_java_meteor_without_jar(jar, monkeypatch, tmp_path):
    if jar:
        monkeypatch.setenv("METEOR_JAR", str(tmp_path / jar))
    else:
        monkeypatch.setattr(metrics, "find_meteor_jar", lambda: None)
    with pytest.raises(QGenError, match="METEOR_JAR"):
        metrics.java_meteor(PERFECT, [[line] for line in PERFECT])


def test_java_meteor_with_a_broken_jar(monkeypatch, tmp_path):
    if shutil.which("java") is None:
        pytest.skip("needs Java")
    jar = tmp_path / "broken.jar"
    jar.write_text("not a jar")
    monkeypatch.setenv("METEOR_JAR", str(jar))
    assert metrics.find_meteor_jar() == jar.resolve()
    with pytest.raises(QGenError, match="METEOR 1.5 failed: .*broken.jar"):
        metrics.java_meteor(PERFECT, [[line] for line in PERFECT])


def test_score_all_without_java(monkeypatch):
    monkeypatch.setattr(metrics, "find_meteor_jar", lambda: None)
    # The first reference of each input is wrong, so all scorers must use the second.
    references = [["x y z", line] for line in PERFECT]
    scores = metrics.score_all(PERFECT, references, "ptb")
    assert [score.metric for score in scores] == [
        *("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"),
        *("METEOR", "ROUGE-L", "BLEU-4", "METEOR", "ROUGE-L"),
    ]
    (unavailable,) = (score for score in scores if score.value is None)
    assert "METEOR 1.5" in unavailable.implementation
    assert "METEOR_JAR" in unavailable.reason
    for score in scores:
        if score is not unavailable:
            # NLTK's METEOR has a fragmentation penalty even for a perfect match.
            lowest = 99 if "NLTK" in score.implementation else 99.9999
            assert lowest < score.value <= 100.0001, score
            assert not score.reason
        assert score.tokenisation.startswith("ptb")


@pytest.mark.slow
def test_score_all_with_java():
    needs_meteor()
    # METEOR's own field separator in a hypothesis must not split it.
    scores = metrics.score_all(["who founded ||| it ?"], [["who founded it ?"]], "ptb")
    meteor = next(score for score in scores if score.metric == "METEOR")
    assert meteor.value == pytest.approx(100)


def test_sacrebleu_with_a_varying_number_of_references():
    references = [[PERFECT[0]], ["x y z", PERFECT[1], "x"]]
    value, signature = metrics.sacrebleu_bleu(PERFECT, references)
    assert value == pytest.approx(100)
    assert "nrefs:var" in signature
    assert "tok:none" in signature
    value, signature = metrics.sacrebleu_bleu(PERFECT, [[r] for r in PERFECT])
    assert "nrefs:1" in signature


def test_rouge_score_l_takes_the_best_reference():
    # F1 of 2/3 precision and 2/2 recall, not mixed with the other reference.
    value = metrics.rouge_score_l(["a b c"], [["a b", "x c y z"]])
    assert value == pytest.approx(80)


def test_nltk_meteor_matches_stems_and_names_its_matching():
    value, implementation = metrics.nltk_meteor(["who founds cities"], [["who founded city"]])
    # Three matches in one chunk: the penalty is 0.5 * (1/3) ** 3.
    assert value == pytest.approx(100 * (1 - 0.5 / 27))
    assert "exact + stem" in implementation


@pytest.mark.parametrize("error", [LookupError("no data"), OSError(2, "a file is missing")])
def test_nltk_meteor_without_wordnet_or_with_a_part_of_it(monkeypatch, error):
    class Absent:
        def ensure_loaded(self):
            raise error

    monkeypatch.setattr(metrics, "wordnet", Absent())
    value, implementation = metrics.nltk_meteor(["car"], [["automobile"]])
    assert value == 0
    assert "no WordNet" in implementation


def test_what_java_says_is_told_without_its_stack():
    stderr = (
        'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space\n'
        "\tat edu.cmu.meteor.Main.main(Main.java:5)\n\t... 3 more\n"
    )
    message = metrics._java_message(stderr)
    assert message == 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'
    assert metrics._java_message("") == "no message"


@pytest.mark.parametrize(
    ("raw", "tokens"),
    [
        ("Isn't it 5,000?", "isn ' t it 5 , 000 ?"),
        ("What's Beyoncé's U.S. R&B rank?", "what ' s beyonce ' s u . s . r & b rank ?"),
        ("Photosynthesizers", "photosynthesizers"),
        ("", ""),
    ],
)
def test_wordpiece_tokenize(raw, tokens):
    assert wordpiece_tokenize(raw) == tokens


@pytest.mark.parametrize("scorer", SCORERS)
def test_scorers_reject_bad_input(scorer):
    with pytest.raises(QGenError, match="1 hypotheses but references for 2 inputs"):
        scorer(["a"], [["a"], ["b"]])
    with pytest.raises(QGenError, match="no hypotheses"):
        scorer([], [])
    with pytest.raises(QGenError, match="at least one reference"):
        scorer(["a", "b"], [["a"], []])


@pytest.mark.parametrize("scorer", SCORERS[:2] + SCORERS[3:4])
def test_empty_hypothesis_scores_nothing(scorer):
    score = scorer([""], [["when was it founded ?"]])
    assert score == pytest.approx([0] * 4 if isinstance(score, list) else 0)


def test_empty_hypothesis_halves_mean_scores():
    references = [[line] for line in PERFECT]
    assert metrics.rouge_l([PERFECT[0], ""], references) == pytest.approx(50)
    assert metrics.nltk_meteor([PERFECT[0], ""], references)[0] < 50
    assert metrics.sacrebleu_bleu([PERFECT[0], ""], references)[0] < 60


@pytest.mark.parametrize(
    ("raw", "tokens"),
    [
        # The last three are pairs of SQuAD and Du et al.'s files.
        ("What's it?", "what 's it ?"),
        ("It can't (yet) cost $5,000!", "it ca n't -lrb- yet -rrb- cost $ 5,000 !"),
        ("the “gold” isn’t [x]", "the `` gold '' is n't -lsb- x -rsb-"),
        ("2008–09 … or—not", "2008 -- 09 ... or -- not"),
        ("", ""),
        (
            "What was the Grotto at Notre Dame? ",
            "what was the grotto at notre dame ?",
        ),
        (
            'When was the opening of "Super Bowl City"?',
            "when was the opening of `` super bowl city '' ?",
        ),
        (
            "How often is Notre Dame's the Juggler published?",
            "how often is notre dame 's the juggler published ?",
        ),
    ],
)
def test_ptb_tokenize(raw, tokens):
    assert ptb_tokenize(raw) == tokens


def test_group_by_source():
    hypotheses, references = metrics.group_by_source(
        ["s1", "s2", "s1"], ["h1", "h2", "h3"], ["r1", "r2", "r3"]
    )
    assert hypotheses == ["h3", "h2"]
    assert references == [["r1", "r3"], ["r2"]]


def test_group_by_source_rejects_unequal_lengths():
    with pytest.raises(QGenError, match="2 sources, 1 hypotheses and 2 references"):
        metrics.group_by_source(["a", "b"], ["h"], ["r", "r"])


def test_detokenize_ptb():
    line = "the `` afc '' -lrb- n't -rrb- did n't win , he 's told ."
    assert detokenize_ptb(line) == "the \"afc\" (n't) didn't win, he's told."
