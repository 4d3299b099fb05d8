"""The service as an ASGI application: routes, errors, limits and the queue put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.datastructures import State
from starlette.middleware.exceptions import ExceptionMiddleware

from qgen import __version__
from qgen.service.errors import add_handlers, internal_error, refuse_unknown
from qgen.service.jobs import Batches
from qgen.service.middleware import BodyLimit, Head, Metrics
from qgen.service.queue import DynamicBatcher
from qgen.service.routes import public, v1
from qgen.service.settings import ServiceSettings

if TYPE_CHECKING:  # PyTorch is imported as the models are loaded, while the page is there already
    from qgen.asking.pipeline import QuestionGenerator


def create_app(
    generator: QuestionGenerator | Callable[[], QuestionGenerator],
    settings: ServiceSettings | None = None,
    page: bool = False,
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        generator: asks the questions; or what loads it, in a thread of its own once the service
            starts.  Requests that come before wait for it, and ``/readyz`` says 503.  Whether it
            is loaded, and what failed, says the future ``app.state.loaded``.
        settings: what is allowed.
        page: show the web page at ``/``, to all who can reach it.

    Raises:
        ImportError: gradio, which draws the page, is not installed.
    """
    settings = settings or ServiceSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state = app.state
        loading = ThreadPoolExecutor(1, "qgen-loading")
        state.loaded = loading.submit(_start, state, generator)
        if not callable(generator):
            state.loaded.result()
        yield
        # In a thread: what is in flight is finished, and its clients must still be answered.
        await asyncio.to_thread(loading.shutdown)
        if not state.loaded.exception():
            await asyncio.to_thread(state.batches.close)
            await asyncio.to_thread(state.batcher.close)

    app = FastAPIOffline(  # whose /docs and /redoc need nothing from the network
        title="qgen",
        version=__version__,
        description="Asks the question for a passage and an answer.",
        lifespan=lifespan,
    )
    app.state.settings, app.state.metrics = settings, Metrics()
    app.include_router(public)
    bearer = HTTPBearer(auto_error=False, description="the secret of `--token`")
    app.include_router(v1, dependencies=[Depends(bearer)] if settings.token else [])
    refuse_unknown(app)
    add_handlers(app)
    app.add_middleware(BodyLimit, settings=settings)
    # As a handler it would stand outside of all, and browsers see no answer without CORS's headers.
    app.add_middleware(ExceptionMiddleware, handlers={Exception: internal_error})
    app.state.metrics.instrument(app)  # around it, to count what it refuses
    if settings.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allow_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Content-Disposition", "Retry-After"],
        )
    if page:
        from qgen.service.page.build import mount_page

        mount_page(app, settings.max_upload_bytes)
    app.add_middleware(Head)
    return app


def _start(state: State, generator: QuestionGenerator | Callable[[], QuestionGenerator]) -> None:
    """Load the models, and begin to take work."""
    from qgen.asking.scoring import score_rows
    from qgen.model.runtime.workers import count_streams, stream_pool

    state.generator = generator() if callable(generator) else generator
    state.score = partial(score_rows, state.generator)
    settings, device = state.settings, state.generator.generator.device
    state.batcher = DynamicBatcher(
        state.generator.generate,
        settings.max_batch,
        settings.max_delay_s,
        settings.max_waiting,
        stream_pool(device),
        count_streams(device),
    )
    state.batches = Batches(state.batcher, settings.max_characters, state.generator.reader)
