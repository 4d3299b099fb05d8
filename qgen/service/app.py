"""The service as an ASGI application: routes, errors, limits and the queue put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from qgen import __version__
from qgen.asking.pipeline import QuestionGenerator
from qgen.model.runtime.workers import count_streams, stream_pool
from qgen.service.errors import add_handlers, errors
from qgen.service.jobs import Batches
from qgen.service.middleware import BodyLimit, Metrics
from qgen.service.queue import DynamicBatcher
from qgen.service.routes import public, v1
from qgen.service.settings import ServiceSettings


def create_app(
    generator: QuestionGenerator, settings: ServiceSettings | None = None, page: bool = False
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        generator: asks the questions.
        settings: what is allowed.
        page: show the web page at ``/``, to all who can reach it.

    Raises:
        ImportError: gradio, which draws the page, is not installed.
    """
    settings = settings or ServiceSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state = app.state
        device = generator.generator.device
        state.batcher = DynamicBatcher(
            generator.generate,
            settings.max_batch,
            settings.max_delay_s,
            settings.max_waiting,
            stream_pool(device),
            count_streams(device),
        )
        state.batches = Batches(state.batcher, settings.max_characters)
        yield
        # In a thread: what is in flight is finished, and its clients must still be answered.
        await asyncio.to_thread(state.batches.close)
        await asyncio.to_thread(state.batcher.close)

    app = FastAPI(
        title="qgen",
        version=__version__,
        description="Asks the question for a passage and an answer.",
        lifespan=lifespan,
        responses=errors(422),
    )
    app.state.settings, app.state.metrics = settings, Metrics()
    app.state.generator = generator
    app.include_router(public)
    app.include_router(v1)
    add_handlers(app)
    app.state.metrics.instrument(app)
    app.add_middleware(BodyLimit, settings=settings)
    if settings.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allow_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    if page:
        from qgen.service.page.build import mount_page

        mount_page(app, settings.max_upload_bytes)
    return app
