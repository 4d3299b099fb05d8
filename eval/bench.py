"""Speed and memory of asking, beside what one could use instead, in one run.

    python -m eval.bench

asks the default generator for the questions to ``data/regression.jsonl`` (or to ``--examples
FILE``) in every arithmetic this machine has, and lets peers decode sources of the same lengths:
transformers' ``generate`` on T5-small's shape and on a BERT encoder-decoder of MiniLM's width, and
CTranslate2 in int8 on T5-small's shape.  The peers have random weights and stop after
``--peer-length`` tokens, about the length of a question; all search with five beams.  At batch size
1 each input is decoded by itself, as for somebody who waits for it; larger batches go side by side,
one on each core, as the generator and CTranslate2 can have it, and as the others are made to do
here.  ``--systems "best int8"`` measures the other generator that ships.

Each system has a process of its own.  They run by turns, so that a machine that is slower for some
minutes is so for all of them; all are held in memory at once, some 2 GiB each.  Printed are
questions a second by batch size, the median of ``--repeats`` runs, each over all inputs; seconds
from the start of the process to the first question; and the most memory the process held.
``--curve`` prints seconds by number of inputs too.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from qgen.errors import QGenError, exit_code
from qgen.files.rows import read_rows
from qgen.model.checkpoints import load_checkpoint
from qgen.model.runtime.workers import count_streams, side_by_side
from qgen.model.sources import pack_source
from qgen.records import Answer
from qgen.settings import DTYPES

NUM_BEAMS = 5
INPUTS = Path(__file__).parents[1] / "data" / "regression.jsonl"

Ask = Callable[[Sequence[int], int], None]
"""Decodes the inputs of these numbers, so many at once."""


def build_qgen(path: Path, name: str, dtype: str) -> Ask:
    """A question generator that ships, without the reader.

    Raises:
        QGenError: this machine has no such arithmetic, or the file cannot be read.
    """
    from qgen import NBestGenerator

    inputs = read_inputs(path)
    generator = NBestGenerator.from_pretrained(name, dtype=dtype)

    def ask(rows: Sequence[int], batch_size: int) -> None:
        generator.batch_size = batch_size
        calls = [[row] for row in rows] if batch_size == 1 else [rows]
        for call in calls:
            generator.generate([inputs[row] for row in call])

    return ask


def build_t5(lengths: Sequence[int], target_length: int) -> Ask:
    """``generate`` on T5-small's shape (60 M parameters)."""
    from transformers import T5ForConditionalGeneration

    model = T5ForConditionalGeneration(_t5_config()).eval()
    return _generate(model, lengths, target_length)


def build_bert_encoder_decoder(lengths: Sequence[int], target_length: int) -> Ask:
    """``generate`` on 3 + 3 layers of MiniLM's width (24 M parameters; embeddings shared).

    As many layers run over source and target together as in MiniLM-L6.
    """
    from transformers import BertConfig, EncoderDecoderConfig, EncoderDecoderModel

    shape = BertConfig(
        hidden_size=384, num_hidden_layers=3, num_attention_heads=12, intermediate_size=1536
    )
    config = EncoderDecoderConfig.from_encoder_decoder_configs(shape, BertConfig(**shape.to_dict()))
    model = EncoderDecoderModel(config)
    embeddings = model.encoder.get_input_embeddings()
    model.decoder.set_input_embeddings(embeddings)
    model.decoder.get_output_embeddings().weight = embeddings.weight
    model.generation_config.decoder_start_token_id = 101
    model.generation_config.pad_token_id = 0
    return _generate(model.eval(), lengths, target_length)


def _t5_config():
    from transformers import T5Config

    config = T5Config()  # its defaults are T5-small's
    config.decoder_start_token_id = 0
    return config


def _generate(model, lengths: Sequence[int], target_length: int) -> Ask:
    import torch

    def decode(batch: Sequence[int]) -> None:
        longest = max(lengths[row] for row in batch)
        ids = torch.randint(1000, 30000, (len(batch), longest))
        seen = torch.arange(longest) < torch.tensor([lengths[row] for row in batch])[:, None]
        model.generate(
            ids,
            attention_mask=seen.long(),
            num_beams=NUM_BEAMS,
            min_new_tokens=target_length,
            max_new_tokens=target_length,
            do_sample=False,
        )

    def ask(rows: Sequence[int], batch_size: int) -> None:
        ordered = sorted(rows, key=lambda row: lengths[row])  # of like length together, as qgen
        begins = range(0, len(ordered), batch_size)
        batches = [ordered[begin : begin + batch_size] for begin in begins]
        if batch_size > 1:
            side_by_side(decode, batches, model.device)
        else:
            for batch in batches:
                decode(batch)

    return ask


def build_ctranslate2(lengths: Sequence[int], target_length: int) -> Ask:
    """CTranslate2 in int8 on T5-small's shape."""
    import ctranslate2
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

    special = ["<pad>", "</s>", "<unk>"]
    names = [*special, *(f"t{i}" for i in range(len(special), _t5_config().vocab_size))]
    words = WordLevel({name: i for i, name in enumerate(names)}, unk_token="<unk>")
    folder = tempfile.TemporaryDirectory()
    model = T5ForConditionalGeneration(_t5_config())
    model.save_pretrained(f"{folder.name}/t5")
    PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(words), pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(f"{folder.name}/t5")
    converter = ctranslate2.converters.TransformersConverter(f"{folder.name}/t5")
    converter.convert(f"{folder.name}/int8", quantization="int8")

    @lru_cache(maxsize=1)
    def translator(streams: int) -> ctranslate2.Translator:
        return ctranslate2.Translator(
            f"{folder.name}/int8",
            compute_type="int8",
            inter_threads=streams,
            intra_threads=torch.get_num_threads() // streams,
        )

    def ask(rows: Sequence[int], batch_size: int) -> None:
        sources = [[f"t{1000 + i}" for i in range(lengths[row])] for row in rows]
        streams = 1 if batch_size == 1 else count_streams(torch.device("cpu"))
        translator(streams).translate_batch(  # sorts them by length itself
            sources,
            max_batch_size=batch_size,
            beam_size=NUM_BEAMS,
            min_decoding_length=target_length,
            max_decoding_length=target_length,
        )

    return ask


BEST = {f"best {dtype}": ("best", dtype) for dtype in DTYPES[1:]}
"""The generator that ships beside the default one, in every arithmetic."""

PEERS = {
    "T5-small shape, transformers": build_t5,
    "BERT encoder-decoder, transformers": build_bert_encoder_decoder,
    "T5-small shape, CTranslate2 int8": build_ctranslate2,
}


def read_inputs(path: Path) -> list[tuple[str, Answer]]:
    """The passages of a file, each with one of its answers.

    Raises:
        QGenError: the file cannot be read, or has none.
    """
    inputs = [
        (row.content.passage, answer)
        for row in read_rows(path)
        if not isinstance(row.content, str)
        for answer in row.content.answers
    ]
    if not inputs:
        raise QGenError(f"{path} has no passages with answers")
    return inputs


def source_lengths(path: Path) -> list[int]:
    """The tokens of each source, as the shipped model packs it."""
    inputs = read_inputs(path)
    model, tokenizer = load_checkpoint()
    longest, markers = model.config.max_source_length, model.config.answer_marker_ids
    return [
        len(pack_source(tokenizer, passage, answer, longest, markers)) for passage, answer in inputs
    ]


def serve(build: Callable[[], Ask], inputs: int, started: float) -> None:
    """Run one system in this process, by requests on standard input.

    Prints the seconds from ``started`` (as of ``time.time``) to the first question; then, for each
    line with a number of inputs and a batch size, the seconds that these take; at the end the
    process's peak memory in MiB.
    """
    ask = build()
    ask([0], 1)
    print(time.time() - started, flush=True)
    for line in sys.stdin:
        count, size = json.loads(line)
        begun = time.perf_counter()
        ask([row % inputs for row in range(count)], size)
        print(time.perf_counter() - begun, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


class System:
    """One of the systems, in a process of its own that has asked its first question.

    Args:
        name: one of ``DTYPES``, :data:`BEST` or :data:`PEERS`.
        options: those of the command line.
        lengths: the tokens of each source.

    Attributes:
        first: seconds to the first question.
        error: why it can not, or no longer, be measured.
    """

    def __init__(self, name: str, options: Sequence[str], lengths: Sequence[int]):
        self.name, self.error = name, ""
        command = [sys.executable, "-m", "eval.bench", *options]
        command += ["--worker", name, json.dumps(lengths), str(time.time())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.first = self._figure()

    def seconds(self, count: int, size: int) -> float:
        """How long so many inputs take in batches of a size."""
        if self.error or self._process.stdin is None:
            return math.nan
        with suppress(BrokenPipeError):  # it was killed: the next line says so
            print(json.dumps([count, size]), file=self._process.stdin, flush=True)
        return self._figure()

    def close(self) -> float:
        """End the process; its peak memory in MiB."""
        with suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        peak = math.nan if self.error else self._figure()
        self._process.wait()
        return peak

    def _figure(self) -> float:
        """The next line that it prints, which says what is wrong where it is no number."""
        line = self._process.stdout.readline().strip() if self._process.stdout else ""
        try:
            return float(line)
        except ValueError:
            self.error = line or f"failed with exit code {self._process.wait()}"
            return math.nan


def main(argv: list[str] | None = None) -> None:
    """Run every system, each in a new process, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench", description=main.__doc__)
    parser.add_argument("--examples", type=Path, default=INPUTS, help="passages with answers")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-length", type=int, default=14, help="tokens of a peer's question")
    parser.add_argument("--curve", type=int, nargs="+", default=[], help="numbers of inputs")
    parser.add_argument(
        "--systems",
        nargs="+",
        choices=[*DTYPES[1:], *BEST, *PEERS],
        default=[*DTYPES[1:], *PEERS],
        metavar="SYSTEM",
        help="which of %(choices)s (default: all but the best)",
    )
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.worker:
        _work(args, *args.worker)
        return
    lengths = source_lengths(args.examples)
    average = statistics.mean(lengths)
    print(f"{len(lengths)} sources, of {average:.0f} tokens on average", flush=True)
    running = [System(name, argv or sys.argv[1:], lengths) for name in args.systems]
    times: dict[tuple[str, int], list[float]] = defaultdict(list)
    for size in args.batch_sizes:
        for system in running * args.repeats:
            times[system.name, size].append(system.seconds(len(lengths), size))
    heads = "".join(f"{f'batch {size}':>10}" for size in args.batch_sizes)
    print(f"{'questions a second':36}{heads}{'first, s':>10}{'peak, MiB':>11}")
    for system in running:
        curve = [(n, system.seconds(n, max(args.batch_sizes))) for n in args.curve]
        peak = system.close()
        if system.error:
            print(f"{system.name:36}{system.error}", flush=True)
            continue
        medians = [statistics.median(times[system.name, size]) for size in args.batch_sizes]
        rates = "".join(f"{len(lengths) / median:10.2f}" for median in medians)
        print(f"{system.name:36}{rates}{system.first:10.1f}{peak:11.0f}", flush=True)
        for count, seconds in curve:
            print(f"    {count} inputs: {seconds:.1f} s", flush=True)


def _work(args: argparse.Namespace, system: str, sources: str, started: str) -> None:
    lengths = json.loads(sources)

    def build() -> Ask:
        if system in PEERS:
            return PEERS[system](lengths, args.peer_length)
        return build_qgen(args.examples, *BEST.get(system, ("fast", system)))

    try:
        serve(build, len(lengths), float(started))
    except (ImportError, QGenError) as error:
        print(f"not measured: {error}")


if __name__ == "__main__":
    sys.exit(exit_code("eval.bench", main))
