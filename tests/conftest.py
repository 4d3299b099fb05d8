"""Shared fixtures: a tiny random model with a word-piece tokenizer, made in a moment."""

from copy import deepcopy

import pytest
import torch
from transformers import BertConfig, BertTokenizerFast, RobertaConfig

from qgen.generator import QuestionGenerator
from qgen.modeling import UniLMConfig, UniLMForConditionalGeneration

PASSAGE = (
    "The Golden Gate Bridge opened in San Francisco in 1937. "
    "Joseph Strauss led its construction, which cost 35 million dollars."
)

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + (
    "the golden gate bridge opened in san francisco 1937 joseph strauss led its construction which"
    " cost 35 million dollars . , ? ' - what when who where did how much was of to a is year"
    " ##s ##ed ##ing ##er b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9"
    " ##a ##b ##c ##d ##e ##f ##g ##h ##i ##j ##k ##l ##m ##n ##o ##p ##q ##r ##t ##u ##v ##w"
    " ##x ##y ##z ##0 ##1 ##2 ##3 ##4 ##5 ##6 ##7 ##8 ##9"
).split()  # noqa: SIM905


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


@pytest.fixture(scope="session")
def bert_model(tokenizer):
    backbone = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    return random_model(
        UniLMConfig.from_backbone(backbone, tokenizer, max_source_length=80, max_target_length=24)
    )


@pytest.fixture(scope="session")
def roberta_model():
    backbone = RobertaConfig(
        vocab_size=90,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=130,
        type_vocab_size=1,
    )
    special = {"pad": 1, "bos": 0, "eos": 2, "mask": 89, "unk": 3}
    return random_model(
        UniLMConfig.from_backbone(
            backbone, **{f"{name}_token_id": value for name, value in special.items()}
        )
    )


@pytest.fixture(scope="session")
def generator(bert_model, tokenizer):
    return QuestionGenerator(bert_model, tokenizer, device="cpu")


@pytest.fixture(scope="session")
def checkpoint(bert_model, tokenizer, tmp_path_factory):
    """The directory of a saved tiny checkpoint."""
    path = tmp_path_factory.mktemp("checkpoint")
    bert_model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path
