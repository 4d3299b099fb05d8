"""From passage to questions on a tiny random model: spans, order, checks, errors, not quality."""

import json
from typing import get_args

import pytest
import torch
from conftest import PASSAGE
from transformers import BertForMaskedLM

from qgen.asking.generator import NBest, NBestGenerator
from qgen.asking.pipeline import QuestionGenerator
from qgen.english.locate import locate_answer
from qgen.errors import QGenError
from qgen.model.decoding import UncachedDecoder, decode
from qgen.model.sources import pack_source
from qgen.records import Answer, Question, Request
from qgen.service.schemas import QuestionsIn
from qgen.settings import ANSWER_KINDS, GenerationSettings, QuizSettings

pytestmark = pytest.mark.usefixtures("unchecked")


def request(passage, *answers):
    return Request(passage, tuple(locate_answer(passage, answer) for answer in answers))


def test_answer_gives_its_n_best(generator):
    settings = GenerationSettings(num_return_sequences=4)
    questions = generator.questions(PASSAGE, "1937", settings=settings)
    assert len(questions) == 4
    assert [q.score for q in questions] == sorted((q.score for q in questions), reverse=True)
    assert {q.answer for q in questions} == {Answer("1937", PASSAGE.index("1937"))}


def test_no_answer_gives_ranked_answers(generator):
    questions = generator.questions(PASSAGE, quiz=QuizSettings(max_answers=3))
    assert 1 <= len(questions) <= 3
    assert [q.score for q in questions] == sorted((q.score for q in questions), reverse=True)
    for question in questions:
        assert PASSAGE.startswith(question.answer.text, question.answer.start)
        assert question.answer.kind


def test_characters_are_mended_and_answers_move_with_them(generator):
    messy = "The o\ufb03ce of Jan\u00adWeber opened in \u200bMarland in 1937."
    clean = "The office of JanWeber opened in Marland in 1937."
    given = (Answer("Jan\u00adWeber", messy.index("Jan")), "Marland\u200b", Answer("1937", 0))
    lost = "The sta\x00 built the of\ue000ce for bridges in 1937."
    found, same, refused = generator.generate([Request(messy, given), PASSAGE, lost])
    assert found.passage == clean and same.passage == ""
    spans = [(q.answer.text, q.answer.start) for q in found.questions]
    assert spans == [(text, clean.index(text)) for text in ("JanWeber", "Marland")]
    assert "not at character 0" in found.problems[0]
    assert "lost letters" in refused.problems[0]
    [question] = generator.questions(messy, "1937", messy.index("1937"))
    assert question.answer == Answer("1937", clean.index("1937"))
    for answer in generator.propose([messy])[0]:
        assert clean[answer.start : answer.end] == answer.text


def test_models_read_a_passage_without_its_citations(generator, monkeypatch):
    cited = "Jan Weber (Lund & Holm, 2001) built the bridge (Vey 1998) in Marland in 1937."
    read = []
    n_best = generator.generator.n_best

    def noted(rows, settings):
        read.extend(passage for passage, _ in rows)
        return n_best(rows, settings)

    monkeypatch.setattr(generator.generator, "n_best", noted)
    given = (Answer("bridge", cited.index("bridge")), "1937")
    found, proposed, author = generator.generate(
        [Request(cited, given), cited, Request(cited, ("Lund",))]
    )
    assert set(read) == {"Jan Weber built the bridge in Marland in 1937.", cited}
    assert [q.answer.start for q in found.questions] == [cited.index("bridge"), cited.index("1937")]
    assert [q.answer.text for q in author.questions] == ["Lund"]
    assert found.passage == proposed.passage == ""
    assert proposed.questions and generator.propose([cited])[0]
    for answer in (*(q.answer for q in proposed.questions), *generator.propose([cited])[0]):
        assert cited[answer.start : answer.end] == answer.text
        assert answer.text not in {"Lund", "Holm", "Lund & Holm", "Vey", "1998", "2001"}
        assert "(" not in answer.text


def test_no_cited_author_is_a_wrong_choice(generator):
    beside = ("Petra Holm drew the dome (Lund & Vey, 2001; Rosa Brandt, 1998).",)
    passage = "Jan Weber built the bridge in Marland in 1937."
    quiz = QuizSettings(choices=4)
    [result] = generator.generate([Request(passage, ("Jan Weber",), beside=beside)], quiz=quiz)
    assert not {"Lund & Vey", "Rosa Brandt"} & set(result.questions[0].choices)


def test_batch_equals_single_and_keeps_order(generator):
    short = "Joseph led the construction in 1937."
    requests = [request(PASSAGE, "1937"), request(PASSAGE), request(short, "Joseph", "1937")]
    together = generator.generate(requests)
    for one, result in zip(requests, together, strict=True):
        [alone] = generator.generate([one])
        assert [q.question for q in alone.questions] == [q.question for q in result.questions]
        scores = [q.score for q in result.questions]
        assert [q.score for q in alone.questions] == pytest.approx(scores, abs=1e-4)
    assert [q.answer.text for q in together[2].questions] == ["Joseph", "1937"]


def test_samples_do_not_depend_on_the_company(generator):
    settings = GenerationSettings(do_sample=True, seed=5, num_return_sequences=3)
    first = generator.questions(PASSAGE, "1937", settings=settings)
    results = generator.generate(
        [request(PASSAGE, "Joseph Strauss"), request(PASSAGE, "1937")], settings
    )
    assert [q.question for q in results[1].questions] == [q.question for q in first]


def test_an_answer_too_long_for_the_window_widens_it(generator, monkeypatch):
    monkeypatch.setattr(generator.generator.model.config, "max_source_length", 20)
    answer = PASSAGE[: PASSAGE.index("1937")]  # 8 tokens; 20 have room for it
    assert generator.questions(PASSAGE, answer)
    longer = PASSAGE[: PASSAGE.index("which")]
    assert generator.questions(PASSAGE, longer)[0].answer.text == longer.strip()
    with pytest.raises(QGenError, match="has room for"):
        generator.questions(PASSAGE * 4 + " It is a bridge.", PASSAGE * 4)


def test_one_answer_at_fault_leaves_the_others(generator):
    long = PASSAGE * 4
    passage = long + " It is a bridge in San Francisco."
    good, bad = generator.generate(
        [request(PASSAGE, "1937"), Request(passage, (Answer(long, 0), Answer("1937", 50)))]
    )
    assert good.questions and not good.dropped
    assert [q.answer.text for q in bad.questions] == ["1937"]
    assert "has room for" in bad.reason and not bad.dropped


def test_one_answer_at_fault_does_not_divide_the_batch(n_best_generator, monkeypatch):
    calls = []

    def counted(model, input_ids, *args):
        calls.append(len(input_ids))
        return decode(model, input_ids, *args)

    monkeypatch.setattr("qgen.asking.generator.decode", counted)
    long = PASSAGE * 4
    inputs = [(PASSAGE, locate_answer(PASSAGE, text)) for text in ("1937", "Strauss", "cost")]
    inputs.insert(1, (long + " It is.", Answer(long, 0)))
    found = n_best_generator.n_best(inputs)
    assert calls == [3]
    assert [bool(each.questions) for each in found] == [True, False, True, True]
    assert [bool(each.problem) for each in found] == [False, True, False, False]
    with pytest.raises(QGenError, match="has room for"):
        n_best_generator.generate(inputs)


def test_every_answer_that_cannot_be_asked_for_is_told(generator):
    answers = (Answer(".", PASSAGE.index(".")), Answer("1937", 50), Answer(PASSAGE, 0))
    [result] = generator.generate([Request(PASSAGE, answers)])
    assert [q.answer.text for q in result.questions] == ["1937"]
    assert len(result.problems) == 2 and "has no words" in result.reason


def test_score_is_the_mean_log_probability_of_the_tokens(copying_model, tokenizer):
    generator = NBestGenerator(copying_model, tokenizer, device="cpu", batch_size=2)
    answers = [locate_answer(PASSAGE, text) for text in ("1937", "Joseph Strauss", "35")]
    texts = ["when was it opened?", "who led?", "how much did the golden gate bridge cost?"]
    asked = [Question(text, answer, 0.0) for text, answer in zip(texts, answers, strict=True)]
    settings = GenerationSettings(num_beams=1, max_length=24, use_shortlist=False)
    expected = []
    for text, answer in zip(texts, answers, strict=True):
        source = torch.tensor([pack_source(tokenizer, PASSAGE, answer, 80, [5, 6])])
        target = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]
        with torch.inference_mode():
            decoder = UncachedDecoder(copying_model, source, source > -1, settings)
            steps = [
                decoder.log_probabilities(torch.tensor([[target[:t]]], dtype=torch.long), None)
                for t in range(len(target))
            ]
        columns = decoder.output.vocabulary.columns[target].tolist()
        total = sum(float(step[0, 0, at]) for step, at in zip(steps, columns, strict=True))
        expected.append(total / len(target))
    assert generator.score([(PASSAGE, q) for q in asked]) == pytest.approx(expected, abs=1e-4)
    assert generator.score([]) == []


@pytest.mark.parametrize(
    ("question", "opening"),
    [("who led its construction?", 1), ("how much did it cost?", 2), ("in what year was it?", 3),
     ("golden gate?", 1)],
)  # fmt: skip
def test_score_of_an_opening(n_best_generator, question, opening):
    asked = (PASSAGE, Question(question, locate_answer(PASSAGE, "1937"), 0.0))
    [tokens] = n_best_generator._token_scores([asked])
    assert n_best_generator.score_openings([asked]) == pytest.approx([sum(tokens[:opening])])
    assert n_best_generator.score_openings([]) == []


def test_without_an_answer_at_all(n_best_generator):
    [[question]] = n_best_generator.generate([(PASSAGE, None)])
    assert question.answer is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "passage is empty"),
        (("  ", "x"), "passage is empty"),
        ((PASSAGE, "London"), "not in the passage"),
        ((PASSAGE, ""), "answer is empty"),
        ((PASSAGE, PASSAGE), "whole passage"),
        (("!!!",), "no words"),
        (("Photosynthesis",), "no whole sentence"),
        ((PASSAGE, "1937", 3), "at character 3"),
    ],
)
def test_bad_input(generator, arguments, message):
    with pytest.raises(QGenError, match=message):
        generator.questions(*arguments)


def test_a_bad_request_does_not_stop_the_others(generator):
    results = generator.generate(
        [
            Request("Photosynthesis"),
            request(PASSAGE, "1937"),
            Request(PASSAGE, (Answer(PASSAGE, 0),)),
        ]
    )
    assert [bool(result.questions) for result in results] == [False, True, False]
    assert results[0].failure == "the passage has no whole sentence"
    assert "whole passage" in results[2].failure


@pytest.mark.parametrize(
    ("settings", "message"),
    [(GenerationSettings(min_length=24), "min_length must be below 24")],
)
def test_settings_beyond_the_model_are_named(generator, settings, message):
    with pytest.raises(QGenError, match=message):
        generator.questions(PASSAGE, "1937", settings=settings)
    with pytest.raises(QGenError, match="max_answers"):
        generator.questions(PASSAGE, quiz=QuizSettings(max_answers=0))


class Scripted:
    """Stands in for the model: the questions of each answer are given."""

    def __init__(self, questions):
        self.asked = questions

    def within_range(self, settings):
        return settings

    def n_best(self, inputs, settings):
        return [
            NBest([Question(text, answer, -0.1 * n) for n, text in enumerate(texts, 1)])
            for _, answer in inputs
            for texts in [self.asked[answer.text]]
        ]


def test_a_question_that_gives_its_answer_away_makes_room_for_the_next(monkeypatch):
    monkeypatch.undo()  # with the checks
    asked = {"Strauss": ["What was Strauss's name?", "Who led the work?", "Who was the leader?"]}
    generator = QuestionGenerator(Scripted(asked))
    passage = "The work was led by Strauss in 1937."
    assert [q.question for q in generator.questions(passage, "Strauss")] == ["Who led the work?"]
    # A given answer gets a question whatever it is like, with what speaks against it.
    asked["Strauss"] = ["Who?", "Who was Strauss?", "What was Strauss's name?"]
    [found] = generator.questions(passage, "Strauss")
    assert found.question == "Who was Strauss?"
    assert found.reasons == ("the question gives its answer away",)


def test_slips_of_a_small_model_are_mended():
    generator = QuestionGenerator(Scripted({"1937": ['When was "a iron bridge opened?']}))
    [found] = generator.questions("An iron bridge was opened in 1937.", "1937")
    assert found.question == "When was an iron bridge opened?"


def test_a_question_that_says_a_word_twice_comes_after_the_others(monkeypatch):
    monkeypatch.undo()  # with the checks
    asked = {"Strauss": ["Whose work led the work?", "Who led the works?", "Who led the team?"]}
    generator = QuestionGenerator(Scripted(asked))
    passage = "The work of the team was led by Strauss in 1937."
    settings = GenerationSettings(num_return_sequences=3)
    found = generator.questions(passage, "Strauss", settings=settings)
    assert [q.question for q in found] == [*asked["Strauss"][1:], asked["Strauss"][0]]


def test_checkpoint_round_trip(checkpoint, generator):
    loaded = QuestionGenerator.from_pretrained(
        checkpoint, device="cpu", reader=None, dtype="float32"
    )
    assert loaded.questions(PASSAGE, "1937") == generator.questions(PASSAGE, "1937")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b"not safetensors"),
        ("model.safetensors", b""),
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("config.json", b'{"model_type": "no-such-model"}'),
        ("tokenizer.json", b"{"),
    ],
)
def test_corrupt_checkpoint(checkpoint, tmp_path, name, content):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_bytes(content)
    with pytest.raises(QGenError) as caught:
        QuestionGenerator.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


def test_truncated_weights(checkpoint, tmp_path):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = (checkpoint / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(QGenError):
        QuestionGenerator.from_pretrained(tmp_path)


def test_missing_checkpoint_and_device(checkpoint, tmp_path):
    with pytest.raises(QGenError):
        QuestionGenerator.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(QGenError, match="device"):
        QuestionGenerator.from_pretrained(checkpoint, device="no-such-device")


def test_dtype(checkpoint):
    loaded = QuestionGenerator.from_pretrained(checkpoint, device="cpu", dtype="bfloat16")
    assert loaded.generator.model.dtype == torch.bfloat16
    assert loaded.questions(PASSAGE, "1937")
    with pytest.raises(QGenError, match="dtype must be"):
        QuestionGenerator.from_pretrained(checkpoint, dtype="int4")


def test_plain_encoder_is_refused(bert_model, tokenizer, tmp_path):
    BertForMaskedLM(bert_model.config.backbone).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(QGenError, match="qgen train"):
        QuestionGenerator.from_pretrained(tmp_path)


def test_weights_of_another_shape_are_refused(checkpoint, tmp_path):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["backbone"]["intermediate_size"] = 48
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(QGenError):
        QuestionGenerator.from_pretrained(tmp_path)


# -- with a reader ---------------------------------------------------------------------------------


@pytest.fixture
def checked(n_best_generator, reader):
    return QuestionGenerator(n_best_generator, reader)


def test_answers_are_those_that_are_asked_about_first(checked, monkeypatch):
    """And no others: as many as default settings want, none of the kinds that are seldom good."""
    years = range(1900, 1925)
    passage = " ".join(f"In {year} the bridge of Marland{year} opened." for year in years)
    [found] = checked.propose([passage])
    asked = []
    monkeypatch.setattr(checked, "_ask", lambda drafts, settings: asked.extend(drafts) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        checked.generate([passage])
    assert 0 < len(found) <= len(asked) == 20
    assert found == [draft.answer for draft in asked][: len(found)]


def test_what_is_worth_nothing_is_not_listed():
    """With the shipped reader: no "born", no "in"."""
    [found] = QuestionGenerator.from_pretrained().propose(
        ["Marie Curie was born in Warsaw in 1867."]
    )
    assert [(answer.text, answer.kind) for answer in found] == [
        ("1867", "date"),
        ("Warsaw", "name"),
        ("Marie Curie", "name"),
    ]


def test_a_reader_gives_every_question_a_confidence(checked):
    [given] = checked.questions(PASSAGE, "1937")
    assert 0 <= given.confidence <= 1
    questions = checked.questions(PASSAGE, quiz=QuizSettings(max_answers=3, min_confidence=0))
    assert 1 <= len(questions) <= 3
    for question in questions:
        assert PASSAGE.startswith(question.answer.text, question.answer.start)
    assert json.loads(json.dumps(questions[0].to_dict()))["confidence"] is not None


@pytest.mark.parametrize(
    ("confidences", "shown", "read"),
    [
        ({"Who led it?": 0.7, "Who was it?": 0.9}, ["Who led it?"], 1),
        ({"Who led it?": 0.4, "Who was it?": 0.9}, ["Who was it?"], 2),
        ({"Who led it?": 0.4, "Who was it?": 0.3}, ["Who led it?"], 2),
        ({"Who led it?": 0.4, "Who built it?": 0.9}, ["Who led it?"], 2),  # the third is not read
    ],
)
def test_the_surest_of_the_n_best_is_shown(reader, monkeypatch, confidences, shown, read):
    asked = {"Strauss": ["Who led it?", "Who was it?", "Who built it?", "Who ran it?"]}
    generator = QuestionGenerator(Scripted(asked), reader)
    judged = []
    monkeypatch.setattr(
        "qgen.asking.pipeline.confidence",
        lambda passage, question, *_: (
            judged.append(question) or confidences.get(question.question, 0.1)
        ),
    )
    passage = "The work was led by Strauss in 1937."
    assert [q.question for q in generator.questions(passage, "Strauss")] == shown
    assert len(judged) == read


def test_of_several_questions_for_an_answer_the_surest_come_first(reader, monkeypatch):
    asked = {"Strauss": ["Who led it?", "Who was it?", "Who built it?", "Who ran it?"]}
    generator = QuestionGenerator(Scripted(asked), reader)
    sure = dict(zip(asked["Strauss"], [0.3, 0.2, 0.5, 0.9], strict=True))
    monkeypatch.setattr("qgen.asking.pipeline.confidence", lambda _, q, *rest: sure[q.question])
    settings = GenerationSettings(num_return_sequences=3)
    found = generator.questions("The work was led by Strauss.", "Strauss", settings=settings)
    assert [q.question for q in found] == ["Who built it?", "Who led it?", "Who was it?"]


def test_few_of_the_proposals_are_decoded(checked, monkeypatch):
    asked = []
    n_best = checked.generator.n_best

    def counted(inputs, settings):
        asked.extend(inputs)
        return n_best(inputs, settings)

    monkeypatch.setattr(checked.generator, "n_best", counted)
    checked.questions(PASSAGE, quiz=QuizSettings(max_answers=2, min_confidence=0))
    assert len(asked) == 4
    spans = [answer for _, answer in asked]
    assert not any(a.overlaps(b) for a in spans for b in spans if a is not b)


def test_more_proposals_are_tried_where_too_few_questions_are_good(checked, monkeypatch):
    rounds = []
    n_best = checked.generator.n_best
    monkeypatch.setattr(
        checked.generator, "n_best", lambda inputs, settings: (
            rounds.append([answer for _, answer in inputs]) or n_best(inputs, settings)
        )
    )  # fmt: skip
    good = {}
    monkeypatch.setattr(
        "qgen.asking.pipeline.confidence",
        lambda passage, question, *_: good.get(question.answer.text, 0.1),
    )
    quiz = QuizSettings(max_answers=1)
    [result] = checked.generate([PASSAGE], quiz=quiz)
    asked = [answer for each in rounds for answer in each]
    assert not result.questions and result.dropped == {"not trusted by the reader": len(asked)}
    assert [len(each) for each in rounds] == [2, 2, 2, 2], "eight for a question, two at a time"
    assert len(set(asked)) == len(asked)
    assert all(not a.overlaps(b) for each in rounds for a in each for b in each if a is not b)

    rounds.clear()
    good[asked[2].text] = 0.9
    [result] = checked.generate([PASSAGE], quiz=quiz)
    assert [q.answer.text for q in result.questions] == [asked[2].text]
    assert len(rounds) == 2, "no more than are needed"

    rounds.clear()
    checked.generate([PASSAGE], quiz=QuizSettings(max_answers=1, min_confidence=0.95, tries=3))
    assert [len(each) for each in rounds] == [2, 1]
    rounds.clear()
    checked.generate([PASSAGE, Request(PASSAGE, (asked[0],))], quiz=quiz)
    assert asked[0] not in rounds[1], "given answers are not asked for again"


def test_a_given_answer_gets_its_question_however_unsure(checked):
    sure = QuizSettings(min_confidence=1)
    assert checked.questions(PASSAGE, "1937", quiz=sure)
    with pytest.raises(QGenError, match="not trusted by the reader"):
        checked.questions(PASSAGE, quiz=sure)


def test_kinds(checked, generator):
    for one in (checked, generator):
        quiz = QuizSettings(kinds=("date",), min_confidence=0)
        assert {q.answer.kind for q in one.questions(PASSAGE, quiz=quiz)} == {"date"}
    assert set(get_args(QuestionsIn.model_fields["kinds"].annotation.__args__[0])) == set(
        ANSWER_KINDS
    )
    with pytest.raises(QGenError, match="kinds must be"):
        QuizSettings(kinds=("people",))


def test_persons_and_places_are_told_by_the_question(generator, monkeypatch):
    asks = {"Joseph Strauss": "Who led it?", "San Francisco": "In what city is it?"}

    def n_best(inputs, settings):
        return [NBest([Question(asks.get(a.text, "What is it?"), a, -0.1)]) for _, a in inputs]

    monkeypatch.setattr(generator.generator, "n_best", n_best)

    def found(*kinds):
        quiz = QuizSettings(kinds=kinds, min_confidence=0)
        return {(q.answer.text, q.answer.kind) for q in generator.questions(PASSAGE, quiz=quiz)}

    assert found("person") == {("Joseph Strauss", "person")}
    assert found("place") == {("San Francisco", "place")}
    assert {("Joseph Strauss", "person"), ("San Francisco", "place")} <= found("name")
    [result] = generator.generate(
        [Request(PASSAGE)], quiz=QuizSettings(kinds=("person",), min_confidence=0)
    )
    assert result.dropped["for another kind of answer"] > 0


def test_multiple_choice(checked):
    [question] = checked.questions(PASSAGE, "1937", quiz=QuizSettings(choices=4))
    assert len(question.choices) == 4 and question.choices.count("1937") == 1
    assert all(text.isdigit() for text in question.choices)
    assert checked.questions(PASSAGE, "1937")[0].choices == []
    for choices in (1, 9, -1):
        with pytest.raises(QGenError, match="choices must"):
            QuizSettings(choices=choices)


def test_without_the_shipped_reader_it_says_so_and_goes_on(
    checkpoint, monkeypatch, caplog, tmp_path
):
    monkeypatch.setattr("qgen.asking.pipeline.DEFAULT_READER", tmp_path / "none")
    alone = QuestionGenerator.from_pretrained(checkpoint, device="cpu", reader=tmp_path / "none")
    assert alone.reader is None
    assert "questions are not checked" in caplog.text
    assert alone.questions(PASSAGE, "1937")[0].confidence is None


def test_the_fingerprint_depends_on_the_reader(checked, generator):
    assert checked.fingerprint != generator.fingerprint


def test_the_fingerprint_depends_on_the_small_models(checked, monkeypatch, tmp_path):
    before = checked.fingerprint
    other = tmp_path / "fitness.json"
    other.write_text("{}")
    monkeypatch.setattr("qgen.asking.fitness.WEIGHTS_FILE", other)
    assert checked.fingerprint != before
