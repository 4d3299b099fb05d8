"""MiniLM as a UniLM sequence-to-sequence model: layout, network, decoding, packing, checkpoints."""
