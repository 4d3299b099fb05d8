"""Verb forms after auxiliaries."""

import pytest

import qgen.asking.generator
from qgen.english.verbs import correct_verbs
from qgen.settings import GenerationSettings


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("What did the class planted?", "What did the class plant?"),
        ("When does the band plays?", "When does the band play?"),
        ("Where did they hung ten years later?", "Where did they hang ten years later?"),
        ("What did he tore up when it rained?", "What did he tear up when it rained?"),
        ("What does LGM stands for?", "What does LGM stand for?"),
        ("When did oil finally returned to it?", "When did oil finally return to it?"),
        ("Where could the citizens scratched a name?", "Where could the citizens scratch a name?"),
        ("How long should it be stir slowly?", "How long should it be stirred slowly?"),
        ("How many eggs should be Whisk?", "How many eggs should be whisked?"),
        ("At what heat should it all be bake?", "At what heat should it all be baked?"),
        ("Where should the filter be rinse?", "Where should the filter be rinsed?"),
        ("Who written the first version?", "Who wrote the first version?"),
        ("WHEN DID THE SHOP CLOSED?", "WHEN DID THE SHOP CLOSE?"),
        (
            "When does Ana expects the signing certificate?",
            "When does Ana expect the signing certificate?",
        ),
    ],
)
def test_verbs_take_the_form_their_auxiliary_asks_for(wrong, right):
    assert correct_verbs(wrong) == right


@pytest.mark.parametrize(
    "question",
    [
        "What did the class plant in three pots?",
        "What did the man called Bob cost?",
        "What did the law passed in 1965 end?",
        "How did the man known as Rasputin die?",
        "How do animals adapted to deserts survive?",
        "What did the caretaker do when the guests arrived?",
        "What does the price of sampled rocks show?",
        "When was the will signed?",
        "What should you slide into the slot on the left?",
        "Who should be asked for help?",
        "Where should the bread be cut?",
        "Who should be guide?",
        "When should the soup be warm?",
        "How long will the shop be open?",
        "How were the men who did tasks viewed?",
        "How long should the almonds be ground?",
        "When will it be time to go?",
        "How long had the dog barked?",
        "Which part of a cactus does the work of leaves?",
        "What had the company blamed?",
        "Who burnt the rice?",
        "Who was sent off?",
        "What is it called?",
        "Did he leave?",
        "What did?",
        "Who",
        "?",
        "",
    ],
)
def test_right_questions_stay(question):
    assert correct_verbs(question) == question


def test_generated_questions_are_corrected_and_still_differ(n_best_generator, monkeypatch):
    texts = iter(["What did she planted?", "What did she plant?", "Who planted it?"])
    monkeypatch.setattr(qgen.asking.generator, "unpack_target", lambda *_: next(texts))
    settings = GenerationSettings(num_beams=3, num_return_sequences=3, max_length=5)
    [questions] = n_best_generator.generate([("She planted a tree.", None)], settings)
    assert [q.question for q in questions] == ["What did she plant?", "Who planted it?"]
