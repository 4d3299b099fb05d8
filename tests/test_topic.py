"""What of a text is asked about: what is near a topic, or stands under a heading."""

import pytest
from conftest import PASSAGE as PLAIN

from qgen.asking.document import ask_document, is_under
from qgen.asking.topic import TOPIC_NEARNESS, nearness
from qgen.files.documents import read_document
from qgen.model.checkpoints import load_checkpoint
from qgen.model.vectors import WordVectors
from qgen.records import Request
from qgen.settings import GenerationSettings, QuizSettings

TEXTS = {
    "bees": "Honey bees gather nectar from flowers, and the queen lays all the eggs of the hive.",
    "ports": "Ships unload grain at the quay, where cranes lift it into the harbour's silos.",
    "money": "The central bank raised its interest rate, and loans became dearer for the firms.",
}


@pytest.fixture(scope="module")
def vectors():
    model, tokenizer = load_checkpoint()
    return WordVectors(model.get_input_embeddings().weight, tokenizer)


@pytest.mark.parametrize(
    ("topic", "nearest"),
    [("bees", "bees"), ("the interest rate", "money"), ("cranes and ships", "ports")],
)
def test_passages_with_the_topics_words_are_near(vectors, topic, nearest):
    found = dict(zip(TEXTS, nearness(topic, list(TEXTS.values()), vectors), strict=True))
    assert found[nearest] >= TOPIC_NEARNESS
    assert all(value < TOPIC_NEARNESS for name, value in found.items() if name != nearest)


@pytest.mark.parametrize(("topic", "nearest"), [("boats", "ports"), ("insects", "bees")])
def test_related_words_are_nearer_than_others(vectors, topic, nearest):
    found = dict(zip(TEXTS, nearness(topic, list(TEXTS.values()), vectors), strict=True))
    assert max(found, key=found.__getitem__) == nearest


def test_nothing_near_is_told_in_one_line(generator):
    quiz = QuizSettings(topic="zzyzx quorbl")
    [result] = generator.generate([PLAIN], quiz=quiz)
    assert not result.questions and result.failure == "nothing is near the topic 'zzyzx quorbl'"


def test_headings_are_kept_and_chosen_by(tmp_path, generator):
    path = tmp_path / "text.md"
    prose = "It was built of old stone in the north, and it still stands beside the long river."
    path.write_text(f"# Houses\n\n{prose}\n\n## The Tower\n\n{prose}\n\n# Boats\n\n{prose}\n")
    found = [paragraph.headings for paragraph in read_document(path)]
    assert found == [("Houses",), ("Houses", "The Tower"), ("Boats",)]
    requests = [Request(prose, headings=headings) for headings in found]
    assert [is_under(request, "houses") for request in requests] == [True, True, False]
    assert [is_under(request, "tower") for request in requests] == [False, True, False]
    quiz = QuizSettings(focus="Boats", min_confidence=0)
    results = ask_document(generator.generate, requests, GenerationSettings(), quiz)
    assert [bool(result.passed_over) for result in results] == [True, True, False]
    quiz = QuizSettings(focus="bridges")
    results = ask_document(generator.generate, requests, GenerationSettings(), quiz)
    assert {result.failure for result in results} == {"no heading above the passage has 'bridges'"}
