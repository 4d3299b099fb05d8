"""From a passage to its questions: propose answers, ask, check, rank, complete."""
