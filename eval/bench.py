"""Speed and memory of decoding, beside transformers' own ``generate`` on a seq2seq peer.

    python -m eval.bench

prints, for batches of 1 and 16 at beam 5, questions per second and peak memory of this model with
and without its key/value cache, and of a BERT encoder-decoder of like size under ``generate``.  All
weights are random and every question is forced to the full length, so that all systems do the same
number of steps.  Each system runs in a process of its own, whose peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

SYSTEMS = ("qgen", "qgen, no cache", "transformers")
SOURCE_LENGTH = 192


def build_qgen():
    """MiniLM-L6xH384 (23 M parameters) with random weights."""
    from transformers import BertConfig

    from qgen.model.unilm import UniLMConfig, UniLMForConditionalGeneration

    backbone = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    return UniLMForConditionalGeneration(UniLMConfig.from_backbone(backbone)).eval()


def build_peer():
    """A BERT encoder-decoder, 3 layers each of MiniLM's width (24 M parameters; embeddings shared).

    As many layers run over the source and the target together as in MiniLM-L6.
    """
    from transformers import BertConfig, EncoderDecoderConfig, EncoderDecoderModel

    config = BertConfig(
        hidden_size=384, num_hidden_layers=3, num_attention_heads=12, intermediate_size=1536
    )
    peer = EncoderDecoderModel(
        EncoderDecoderConfig.from_encoder_decoder_configs(config, BertConfig(**config.to_dict()))
    )
    peer.decoder.set_input_embeddings(peer.encoder.get_input_embeddings())
    peer.decoder.get_output_embeddings().weight = peer.encoder.get_input_embeddings().weight
    return peer.eval()


def measure(system: str, batch_size: int, num_beams: int, length: int, repeats: int) -> dict:
    """Run one system in this process.

    Returns:
        ``questions_per_second``, ``peak_mib`` (of the process, weights and libraries included),
        ``parameters`` in millions.
    """
    import torch

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ids = torch.randint(1000, 30000, (batch_size, SOURCE_LENGTH), device=device)
    if system == "transformers":
        model = build_peer().to(device)

        def decode():
            model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                num_beams=num_beams,
                min_new_tokens=length - 1,
                max_new_tokens=length - 1,
                decoder_start_token_id=101,
                eos_token_id=102,
                pad_token_id=0,
                do_sample=False,
            )
    else:
        from qgen.model import decoding

        model = build_qgen().to(device)

        def decode():
            decoding.decode(
                model,
                ids,
                torch.ones_like(ids),
                num_beams=num_beams,
                min_length=length - 1,
                max_length=length,
                no_repeat_ngram_size=0,  # as the peer
                use_cache=system == "qgen",
            )

    decode()  # warm up
    started = time.perf_counter()
    for _ in range(repeats):
        decode()
    if device == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    return {
        "questions_per_second": batch_size * repeats / seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "parameters": sum(p.numel() for p in model.parameters()) / 1e6,
    }


def main(argv: list[str] | None = None) -> None:
    """Run every system at every batch size, each in a new process, and print a table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--num-beams", type=int, default=5)
    parser.add_argument("--length", type=int, default=48, help="tokens per question (48)")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--worker", nargs=2, metavar=("SYSTEM", "BATCH"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    shape = (args.num_beams, args.length, args.repeats)
    if args.worker:
        system, batch_size = args.worker
        print(json.dumps(measure(system, int(batch_size), *shape)))
        return
    print(f"beam {args.num_beams}, {SOURCE_LENGTH} source and {args.length} target tokens")
    print(f"{'system':16} {'batch':>5} {'parameters':>11} {'questions/s':>12} {'peak memory':>12}")
    for batch_size in args.batch_sizes:
        for system in SYSTEMS:
            command = [sys.executable, "-m", "eval.bench", "--worker", system, str(batch_size)]
            options = zip(("--num-beams", "--length", "--repeats"), map(str, shape), strict=True)
            command += [part for option in options for part in option]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            row = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{system:16} {batch_size:5} {row['parameters']:9.1f} M "
                f"{row['questions_per_second']:12.2f} {row['peak_mib']:8.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
