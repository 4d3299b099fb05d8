"""Source packing, and what the real tokenizer's ids come back as."""

import json
import random

import pytest
from conftest import PASSAGE

from qgen.asking.generator import unpack_target
from qgen.english.locate import locate_answer
from qgen.english.words import fold
from qgen.errors import QGenError
from qgen.model.checkpoints import DEFAULT_CHECKPOINT, load_tokenizer
from qgen.model.sources import crop_source, pack_source, pad


def pack(tokenizer, passage, answer=None, start=None, *limits):
    span = locate_answer(passage, answer, start) if answer else None
    return words(tokenizer, pack_source(tokenizer, passage, span, *limits))


def words(tokenizer, ids):
    return tokenizer.convert_ids_to_tokens(ids)


def test_passage_and_answer(tokenizer):
    packed = pack(tokenizer, PASSAGE, "1937")
    assert packed[0] == "[CLS]" and packed[-1] == "[SEP]"
    assert packed[-3:-1] == ["[SEP]", "1937"]
    assert packed.count("[SEP]") == 2
    assert packed[1:4] == ["the", "golden", "gate"]


def test_without_an_answer(tokenizer):
    packed = pack(tokenizer, PASSAGE)
    assert packed.count("[SEP]") == 1 and packed[-1] == "[SEP]"


@pytest.mark.parametrize("where", ["start", "middle", "end"])
@pytest.mark.parametrize("limit", [16, 31, 64])
def test_window_keeps_the_answer_whole(tokenizer, where, limit):
    filler = "the bridge opened in the year . " * 40
    answer = "san francisco in 1937"
    passage = {
        "start": answer + " " + filler,
        "middle": filler + answer + " " + filler,
        "end": filler + answer,
    }[where]
    packed = pack(tokenizer, passage, answer, None, limit)
    assert len(packed) == limit
    window = packed[1 : packed.index("[SEP]")]
    assert " ".join(answer.split()) in " ".join(window)
    if where == "middle":
        before = " ".join(window).split(answer)[0].split()
        after = " ".join(window).split(answer)[1].split()
        assert abs(len(before) - len(after)) <= 1


def test_window_follows_the_given_occurrence(tokenizer):
    filler = "the bridge opened in the year . " * 40
    passage = f"golden 1937 {filler} joseph 1937 {filler}"
    start = passage.index("1937", 20)
    packed = pack(tokenizer, passage, "1937", start, 20)
    assert "joseph" in packed and "golden" not in packed


def test_answer_too_long_for_the_window(tokenizer):
    with pytest.raises(QGenError, match="room"):
        pack(tokenizer, PASSAGE, PASSAGE, None, 20)


def test_markers_tell_occurrences_apart(tokenizer):
    passage = "joseph led san francisco . joseph led the bridge ."
    first, second = (
        pack(tokenizer, passage, "joseph", start, 64, [5, 6])
        for start in (0, passage.rindex("joseph"))
    )
    assert first[:5] == ["[CLS]", "[unused0]", "joseph", "[unused1]", "led"]
    assert second[5:9] == [".", "[unused0]", "joseph", "[unused1]"]
    assert first[-3:] == second[-3:] == ["[SEP]", "joseph", "[SEP]"]


@pytest.mark.parametrize("limit", [16, 31, 64])
def test_markers_count_for_the_window(tokenizer, limit):
    filler = "the bridge opened in the year . " * 40
    packed = pack(
        tokenizer, filler + "san francisco " + filler, "san francisco", None, limit, [5, 6]
    )
    assert len(packed) == limit
    begin = packed.index("[unused0]")
    assert packed[begin : begin + 4] == ["[unused0]", "san", "francisco", "[unused1]"]
    with pytest.raises(QGenError, match="room for 1"):
        pack(tokenizer, filler + "san francisco", "san francisco", None, 8, [5, 6])


@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 300), (300, 0), (150, 150), (10, 9)])
def test_a_cropped_source_keeps_the_answer(tokenizer, before, after):
    passage = "bridge " * before + "san francisco " + "year " * after
    answer = locate_answer(passage, "san francisco")
    whole = pack_source(tokenizer, passage, answer, 464, [5, 6])
    sep = tokenizer.sep_token_id
    sizes = set()
    for seed in range(100):
        cropped = crop_source(whole, sep, [5, 6], random.Random(seed))
        packed = words(tokenizer, cropped)
        begin = packed.index("[unused0]")
        assert packed[begin : begin + 4] == ["[unused0]", "san", "francisco", "[unused1]"]
        assert set(packed[1:begin]) <= {"bridge"}
        assert packed[0] == "[CLS]" and packed[-4:] == ["[SEP]", "san", "francisco", "[SEP]"]
        assert set(packed[begin + 4 : -4]) <= {"year"}
        sizes.add(len(packed) - 5)
    assert min(sizes) >= min(64, before + 4 + after)
    assert max(sizes) <= before + 4 + after
    assert len(sizes) > 30 or before + after < 64


@pytest.fixture(scope="module")
def shipped_tokenizer():
    return load_tokenizer(DEFAULT_CHECKPOINT)


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("What did $3.4 million buy?", "It bought trucks for $3.4 million."),
        (
            "How many of the 1,200 trucks did the U.S. Army buy?",
            "The U.S. Army bought 1,200 trucks.",
        ),
        ("Who cut the rate to 4.25 per cent?", ""),
        ("What did J.R.R. Tolkien write at 5:30 p.m.?", ""),
        ("What is Beyoncé's job?", "Beyoncé sang."),
        ("Who won 24–10?", "Denver beat Carolina 24–10."),
        ("What is the plants' DNA called?", ""),
        ('Who said "it isn\'t over" in 1999?', ""),
        ("What does 'plastid' mean (if anything)?", ""),
        ("Which of R&B, e-mail and 50% came first?", "R&B, e-mail and 50%"),
        ("What happened on December 12, 1964?", ""),
    ],
)
def test_a_question_survives_the_tokenizer(shipped_tokenizer, question, passage):
    ids = shipped_tokenizer(question)["input_ids"]
    text = unpack_target(shipped_tokenizer, ids, passage, restore_case=False)
    assert fold(text) == fold(question)


@pytest.mark.slow
def test_squad_questions_survive_the_tokenizer(shipped_tokenizer, squad_dev):
    """But for case, accents and doubled spaces, at least 99 % of them."""
    total = equal = 0
    for article in json.loads(squad_dev.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                ids = shipped_tokenizer(qa["question"])["input_ids"]
                text = unpack_target(shipped_tokenizer, ids, paragraph["context"], False)
                total += 1
                equal += fold(text).split() == fold(qa["question"]).split()
    assert total == 10570
    assert equal / total >= 0.99


def test_pad():
    assert pad([[1], [2, 3]], 9).tolist() == [[1, 9], [2, 3]]
