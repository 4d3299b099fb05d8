"""What a service allows its clients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceSettings:
    """What a service allows.

    Attributes:
        token: what clients must send as ``Authorization: Bearer ...``; empty for no check.
        allow_origins: origins whose pages may call the service; none by default.
        max_passages: passages in a request.
        max_characters: characters in a passage.
        max_body_bytes: bytes in a request's body.
        max_upload_bytes: bytes in the body of a batch, or of a whole text from the page.
        max_waiting: passages, and rows to be judged, in the queue; beyond, clients are sent away
            with 429, but one that alone sends more gets its turn when no other waits.
        timeout_s: seconds that a request may take.
        max_batch: questions decoded together, on each core of a CPU.
        max_delay_s: most seconds for which an idle stream waits for company of a passage.
    """

    token: str = ""
    allow_origins: tuple[str, ...] = ()
    max_passages: int = 64
    max_characters: int = 20_000
    max_body_bytes: int = 4_000_000
    max_upload_bytes: int = 50_000_000
    max_waiting: int = 512
    timeout_s: float = 120.0
    max_batch: int = 16
    max_delay_s: float = 0.05
