"""The reader on tiny random weights: windows, probabilities, spans, training; not quality."""

import json
import math
from itertools import pairwise

import pytest
import torch
from conftest import PASSAGE
from transformers import AutoModelForQuestionAnswering

from qgen.asking.proposals import COST_OF_WORD, SPANS, apart, propose_spans
from qgen.english.locate import locate_answer
from qgen.english.phrases import propose_answers
from qgen.english.words import marks_pair
from qgen.errors import QGenError
from qgen.model.reader import Reader, best_spans, log_probability
from qgen.records import Answer, Example
from qgen.settings import ReaderTrainingSettings
from qgen.training.reader import ReaderExamples, SpanObjective, train_reader
from qgen.transformers import load_reader

LONG = " ".join(f"In {1900 + i} the bridge cost {i} million dollars." for i in range(40))
EXAMPLES = [
    Example(PASSAGE, locate_answer(PASSAGE, answer), question)
    for answer, question in [
        ("1937", "when was the bridge opened?"),
        ("San Francisco", "where is the bridge?"),
        ("Joseph Strauss", "who led the construction?"),
        ("35 million dollars", "how much did it cost?"),
    ]
]


def test_probabilities_are_of_spans_and_of_none(reader):
    (windows,) = reader.windows([(PASSAGE, "who led?", None)])
    (window,) = windows
    tokens = reader.tokenizer(PASSAGE, add_special_tokens=False)["input_ids"]
    assert window.starts.shape == window.ends.shape == (len(tokens),)
    assert window.starts.exp().sum() < 1 and window.unanswerable < 0
    [reading] = reader.read([(PASSAGE, "who led?", Answer("1937", PASSAGE.index("1937")))])
    assert 0 < reading.expected <= reading.probability <= 1 and 0 < reading.unanswerable < 1
    assert PASSAGE.startswith(reading.answer.text, reading.answer.start)


def test_company_and_order_change_nothing(reader):
    items = [(LONG, "when?", None), (PASSAGE, "who led?", None), (PASSAGE, "", EXAMPLES[0].answer)]
    together = reader.read(items)
    for item, reading in zip(items, together, strict=True):
        [alone] = reader.read([item])
        assert alone.answer == reading.answer
        assert alone.probability == pytest.approx(reading.probability, rel=1e-4)


def test_nothing_to_read(reader):
    assert reader.read([]) == []


def test_a_long_passage_is_read_in_windows(reader):
    (windows,) = reader.windows([(LONG, "when?", None)])
    assert len(windows) > 2
    seen = {span for window in windows for span in window.offsets}
    whole = reader.tokenizer(LONG, add_special_tokens=False, return_offsets_mapping=True)
    assert seen == set(whole["offset_mapping"]), "no token is left out"
    starts = [window.offsets[0][0] for window in windows]
    assert starts == sorted(starts)
    for before, after in pairwise(windows):
        assert before.offsets[-reader.stride] == after.offsets[0]


def test_about_an_answer_one_window_is_read_with_the_answer_in_its_middle(reader):
    answer = locate_answer(LONG, "1920")
    (windows,) = reader.windows([(LONG, "when?", answer)])
    (window,) = windows
    assert len(window.offsets) == reader.max_length
    place = [begin for begin, _ in window.offsets].index(answer.start)
    assert abs(place - reader.max_length / 2) <= 3
    hidden = reader.model.config.hidden_size
    assert window.states.shape == (2 * hidden,) and window.states.isfinite().all()
    assert torch.equal(reader.read([(LONG, "when?", answer)])[0].states, window.states)
    for question, expected in (("when?", None), ("", answer)):
        (windows,) = reader.windows([(LONG, question, expected)])
        assert [window.states for window in windows] == [None] * len(windows)
    for text in ("1900", "39 million dollars"):
        (edge,) = reader.windows([(LONG, "", locate_answer(LONG, text))])
        assert math.isfinite(log_probability(edge, locate_answer(LONG, text)))


@pytest.mark.parametrize("passage", ["", " ", "\u200b", "?"])
def test_next_to_nothing_to_read(reader, passage):
    [reading] = reader.read([(passage, "who?", None)])
    assert reading.probability <= 1 and passage.startswith(reading.answer.text)


def test_spans_are_whole_words_and_best_first(reader):
    passage = "The bridge cost 1,200 dollars in San Francisco."
    (windows,) = reader.windows([(passage, "", None)])
    spans = best_spans(passage, windows, 500)
    values = [value for value, _, _ in spans]
    assert values == sorted(values, reverse=True)
    for _, begin, end in spans:
        text = passage[begin:end]
        assert text.strip(",. ") in ("", *_runs(passage.rstrip(".").split())), text
    assert len({span[1:] for span in spans}) == len(spans)


def _runs(words):
    return [" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]


def test_proposals_are_ranked_and_never_cut_a_quantity(reader):
    answers = propose_answers(PASSAGE)
    (windows,) = reader.windows([(PASSAGE, "", None)])
    proposed = propose_spans(PASSAGE, windows, answers)
    assert {a.text for a in answers} - {a.text for a in proposed} <= {"35 million", "dollars"}
    words = [len(answer.text.split()) for answer in proposed]
    worth = [
        log_probability(windows, a) - COST_OF_WORD * n for a, n in zip(proposed, words, strict=True)
    ]
    assert worth == sorted(worth, reverse=True)
    for answer in proposed:
        assert PASSAGE.startswith(answer.text, answer.start)
        for whole in (locate_answer(PASSAGE, text) for text in ("1937", "35 million dollars")):
            inside = answer.start <= whole.start and whole.end <= answer.end
            assert inside or not answer.overlaps(whole), answer


def test_a_value_may_be_asked_for_without_its_about_but_not_without_its_bound(reader):
    passage = "In about 1970 it held some 300 dogs and more than 200 cats."
    (windows,) = reader.windows([(passage, "", None)])
    found = {a.text for a in propose_spans(passage, windows, propose_answers(passage))}
    assert {"about 1970", "1970", "some 300 dogs", "300 dogs", "more than 200 cats"} <= found
    assert not {"300", "200 cats"} & found


def test_proposals_lie_in_one_sentence(reader):
    passage = "A man left in May. He sold the mill to J. P. Ott."
    (windows,) = reader.windows([(passage, "", None)])
    spans = [passage[begin:end] for _, begin, end in best_spans(passage, windows, SPANS)]
    proposed = {answer.text for answer in propose_spans(passage, windows, [])}
    assert any("May. He" in span for span in spans) and any("J. P." in span for span in spans)
    assert proposed == {span for span in spans if ". He" not in span}


def test_proposals_have_both_of_their_marks(reader):
    passage = 'As "Red Wolf" or “Old Grey” he (a dog) was sold on Code.gov.'
    (windows,) = reader.windows([(passage, "", None)])
    spans = {passage[begin:end] for _, begin, end in best_spans(passage, windows, SPANS)}
    proposed = {answer.text for answer in propose_spans(passage, windows, [])}
    assert {'"Red Wolf', "Grey”", "(a dog", "Code"} & spans
    assert proposed.isdisjoint({"Code", 'Wolf" or', 'Red Wolf" or “Old'}) and "" not in proposed
    assert all(map(marks_pair, proposed))
    whole = {text for text in spans if marks_pair(text) and not text.endswith("Code")}
    assert whole <= proposed and {text.strip('"“”() ') for text in spans} & (proposed - spans)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ('"Black Jack"', True),
        ('"option terms" or "option years"', True),
        ('option terms" or "option years', False),
        ("AAW) or air (x", False),
        ("“Fighting Wolf", False),
        ('6" and 8"', True),
        ('he said, "no."', True),
    ],
)
def test_marks_that_pair(text, pair):
    assert marks_pair(text) == pair


def test_apart():
    answers = [Answer("ab", 0), Answer("bc", 1), Answer("d", 3), Answer("e", 4)]
    assert [a.text for a in apart(answers, 2)] == ["ab", "d"]
    assert [a.text for a in apart(answers, 9)] == ["ab", "d", "e"]


def test_of_five_answers_one_is_a_clause_though_it_holds_a_likelier_name():
    names = [Answer(text, at, "name") for at, text in enumerate("abcdef")]
    reason, manner = Answer("cd", 2, "reason"), Answer("ef", 4, "manner")
    ranked = [*names, reason, manner]
    assert [a.text for a in apart(ranked, 4)] == ["a", "b", "e", "cd"]
    assert [a.text for a in apart(ranked, 6)] == ["a", "b", "cd", "ef"]
    assert [a.text for a in apart(names, 5)] == list("abcde")


def test_a_missing_reader_is_an_error(tmp_path):
    with pytest.raises(QGenError, match="cannot load the reader"):
        Reader.from_pretrained(tmp_path / "nowhere")


def test_a_generator_is_no_reader(checkpoint):
    with pytest.raises(QGenError, match="cannot load the reader .*: it is a question generator"):
        Reader.from_pretrained(checkpoint)


def test_starts_from_the_question_generators_encoder(checkpoint, bert_model):
    model, tokenizer = load_reader(checkpoint)
    assert type(model).__name__ == "BertForQuestionAnswering"
    ours, theirs = model.bert.encoder.state_dict(), bert_model.mlm.bert.encoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert tokenizer.sep_token == "[SEP]"


# -- training --------------------------------------------------------------------------------------


def test_examples_hold_the_answer_wherever_the_window_is(tokenizer):
    examples = [
        Example(LONG, locate_answer(LONG, f"{i} million dollars"), "how much?")
        for i in range(1, 40)
    ]
    dataset = ReaderExamples(examples, tokenizer, max_length=40)
    assert len(dataset) == len(examples)
    for example, item in zip(examples, dataset.items, strict=True):
        first, last = item["span"]
        wanted = tokenizer(example.answer.text, add_special_tokens=False)["input_ids"]
        assert item["passage"][first : last + 1] == wanted
        assert len(item["passage"]) + len(item["question"]) + 3 <= 40


def test_questions_are_own_anothers_or_none(tokenizer):
    other = "Joseph opened the gate in 1937. It cost 5 dollars."
    examples = [*EXAMPLES, Example(other, locate_answer(other, "1937"), "what year was it?")]
    items = ReaderExamples(examples, tokenizer).items
    assert items[4]["other"] in [item["question"] for item in items[:4]]
    assert all(item["other"] == items[4]["question"] for item in items[:4])
    torch.manual_seed(0)
    batch = SpanObjective(tokenizer, 0.3, 0.3).collate(items * 400)
    unanswered = batch["starts"][:, 0].eq(1)
    unasked = batch["input_ids"][:, 1].eq(tokenizer.sep_token_id)
    assert unanswered.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert unasked.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert batch["ends"][unanswered, 0].eq(1).all() and not (unanswered & unasked).any()
    for shares in (batch["starts"], batch["ends"]):
        torch.testing.assert_close(shares.sum(-1), torch.ones(len(shares)))
    answers = [example.answer.text.lower() for example in examples]
    for row in range(40):
        begins, ends = (batch[key][row].nonzero()[:, 0].tolist() for key in ("starts", "ends"))
        found = [
            tokenizer.decode(batch["input_ids"][row, begin : end + 1])
            for begin, end in zip(begins, ends, strict=True)
        ]
        if unanswered[row]:
            assert found == ["[CLS]"]
        elif unasked[row]:  # every answer of the passage
            of_passage = answers[:4] if row % 5 < 4 else answers[4:]
            assert sorted(found) == sorted(of_passage)
            assert batch["starts"][row].max().item() == pytest.approx(1 / len(of_passage))
        else:
            assert found == [answers[row % 5]]


@pytest.mark.slow
def test_learns_to_answer(bert_model, tokenizer, tmp_path):
    settings = ReaderTrainingSettings(
        epochs=250, batch_size=4, learning_rate=5e-3, hidden_dropout=0.0, attention_dropout=0.0,
        max_length=100, save_steps=1000, mismatched_share=0.0, unasked_share=0.2, bf16=False,
    )  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForQuestionAnswering.from_config(bert_model.config.backbone)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.06)
    final = train_reader(model, tokenizer, EXAMPLES, tmp_path, EXAMPLES, settings)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert any("eval_loss" in entry for entry in log)
    trained = Reader.from_pretrained(final, device="cpu")
    readings = trained.read([(e.passage, e.question, None) for e in EXAMPLES])
    assert [r.answer for r in readings] == [e.answer for e in EXAMPLES]
    (windows,) = trained.windows([(PASSAGE, "", None)])
    asked_for = propose_spans(PASSAGE, windows, propose_answers(PASSAGE))[:8]
    assert {a.text for a in asked_for} >= {e.answer.text for e in EXAMPLES}


def test_rows_that_cannot_be_learnt_from_are_told(bert_model, tokenizer, tmp_path, caplog):
    model = AutoModelForQuestionAnswering.from_config(bert_model.config.backbone)
    whole = Example(PASSAGE, locate_answer(PASSAGE, PASSAGE), "what?")
    examples = [Example(PASSAGE, None, "what?"), whole]
    settings = ReaderTrainingSettings(max_length=20)
    with pytest.raises(QGenError, match="no training example has an answer that fits"):
        train_reader(model, tokenizer, examples, tmp_path, settings=settings)
    assert "left out 2 of 2 examples" in caplog.text


def test_a_length_that_does_not_fit_the_model(roberta_model, tokenizer, tmp_path):
    model = AutoModelForQuestionAnswering.from_config(roberta_model.config.backbone)
    settings = ReaderTrainingSettings(max_length=129)
    with pytest.raises(QGenError, match="129 tokens, and the model has 128 positions"):
        train_reader(model, tokenizer, EXAMPLES, tmp_path, settings=settings)


def test_no_such_device_is_an_error(reader):
    with pytest.raises(QGenError, match="cannot use device 'nowhere'"):
        Reader(reader.model, reader.tokenizer, device="nowhere")
