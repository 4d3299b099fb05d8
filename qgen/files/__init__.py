"""Files in and out: rows, documents, outputs and the loop between them, without torch."""
