"""Shared fixtures: a tiny random model with a word-piece tokenizer, made in a moment."""

import os
import threading
import time
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # an unknown name is refused at once
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # each worker has a core

import pytest
import torch
from transformers import BertConfig, BertTokenizerFast, MPNetConfig, RobertaConfig

from qgen.asking.generator import NBestGenerator
from qgen.asking.pipeline import QuestionGenerator
from qgen.model.reader import Reader, SpanConfig, SpanModel
from qgen.transformers import UniLMConfig, UniLMForConditionalGeneration

PASSAGE = (
    "The Golden Gate Bridge opened in San Francisco in 1937. "
    "Joseph Strauss led its construction, which cost 35 million dollars."
)

VOCABULARY = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] [unused0] [unused1]"
    " the golden gate bridge opened in san francisco 1937 joseph strauss led its construction which"
    " cost 35 million dollars . , ? ' - what when who where did how much was of to a is year"
    " ##s ##ed ##ing ##er b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9"
    " ##a ##b ##c ##d ##e ##f ##g ##h ##i ##j ##k ##l ##m ##n ##o ##p ##q ##r ##t ##u ##v ##w"
    " ##x ##y ##z ##0 ##1 ##2 ##3 ##4 ##5 ##6 ##7 ##8 ##9"
).split()


def random_model(config: UniLMConfig, seed: int = 0) -> UniLMForConditionalGeneration:
    """A model whose weights are random enough for every token to get another distribution."""
    torch.manual_seed(seed)
    model = UniLMForConditionalGeneration(deepcopy(config)).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "vocab.txt"
    path.write_text("\n".join(VOCABULARY), encoding="utf-8")
    return BertTokenizerFast(vocab=str(path), do_lower_case=True)


TINY = {
    "vocab_size": 90,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
"""The shape of an encoder of a moment."""


@pytest.fixture(scope="session")
def bert_model(tokenizer):
    backbone = BertConfig(**TINY | {"vocab_size": len(VOCABULARY)}, max_position_embeddings=128)
    return random_model(
        UniLMConfig.from_backbone(backbone, tokenizer, max_source_length=80, max_target_length=24)
    )


@pytest.fixture(scope="session")
def copying_model(bert_model):
    """With answer markers and a copy gate that is open half of the time."""
    config = deepcopy(bert_model.config)
    config.copy_size, config.answer_marker_ids = 16, [5, 6]
    return random_model(config)


@pytest.fixture(scope="session")
def shortlisted_model(copying_model):
    """The same, with a shortlist of a third of the vocabulary."""
    model = random_model(copying_model.config)
    model.set_shortlist(range(0, len(VOCABULARY), 3))
    return model


ROBERTA_IDS = {
    f"{name}_token_id": value
    for name, value in {"pad": 1, "bos": 0, "eos": 2, "mask": 89, "unk": 3}.items()
}


@pytest.fixture(scope="session")
def roberta_model():
    backbone = RobertaConfig(**TINY, max_position_embeddings=130, type_vocab_size=1)
    return random_model(UniLMConfig.from_backbone(backbone, **ROBERTA_IDS))


@pytest.fixture(scope="session")
def mpnet_model():
    backbone = MPNetConfig(**TINY, max_position_embeddings=130)
    return random_model(UniLMConfig.from_backbone(backbone, **ROBERTA_IDS))


@pytest.fixture(scope="session")
def n_best_generator(bert_model, tokenizer):
    return NBestGenerator(bert_model, tokenizer, device="cpu")


@pytest.fixture(scope="session")
def generator(n_best_generator):
    return QuestionGenerator(n_best_generator)


@pytest.fixture(scope="session")
def reader(bert_model, tokenizer):
    """A random reader over the same vocabulary."""
    torch.manual_seed(0)
    model = SpanModel(SpanConfig.from_dict(bert_model.config.backbone.to_dict()))
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return Reader(model, tokenizer, device="cpu", stride=32, max_length=64)


@contextmanager
def served(app):
    """The address of an application behind a real server, on a free port."""
    uvicorn = pytest.importorskip("uvicorn")
    config = uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def unchecked(monkeypatch):
    """A random model's questions are gibberish: let them pass, where they are not the point."""
    for module in ("selection", "alternatives"):
        monkeypatch.setattr(f"qgen.asking.{module}.question_problem", lambda *_: None)


@pytest.fixture(scope="session")
def checkpoint(bert_model, tokenizer, tmp_path_factory):
    """The directory of a saved tiny checkpoint."""
    path = tmp_path_factory.mktemp("checkpoint")
    bert_model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def squad_dev():
    """SQuAD 1.1's development file, where a copy of it lies beside the project."""
    path = Path(__file__).parents[2] / "shared" / "data" / "squad" / "dev-v1.1.json"
    if not path.is_file():
        pytest.skip("SQuAD 1.1 is not at hand")
    return path
