"""Around every request: the size of bodies, HEAD, and metrics."""

from __future__ import annotations

from contextlib import suppress

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_fastapi_instrumentator.metrics import Info
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qgen.service.errors import error_response
from qgen.service.settings import ServiceSettings

UPLOADS = frozenset({"/v1/batches", "/gradio_api/upload", "/gradio_api/component_server"})
"""Routes that take files, and the page's one that takes all of a text that was one."""


class Metrics:
    """What is counted and timed, by route and not by address.

    One registry for each application, so that several can live in a process.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["route", "status"]
        self.requests = Counter("qgen_requests", "Requests", labels, registry=self.registry)
        self.questions = Counter("qgen_questions", "Questions returned", registry=self.registry)
        self.seconds = Histogram(
            "qgen_request_seconds", "Time to answer", ["route"], registry=self.registry
        )
        self.waiting = Gauge("qgen_waiting_passages", "Queue length", registry=self.registry)

    def instrument(self, app: FastAPI) -> None:
        """Count and time the requests of an application."""
        # Of its own the instrumentator would name and label the metrics otherwise.
        instrumentator = Instrumentator(registry=self.registry, should_group_status_codes=False)
        instrumentator.add(self._note).instrument(app)

    def _note(self, info: Info) -> None:
        route = "other" if info.modified_handler == "none" else info.modified_handler
        self.requests.labels(route, info.modified_status).inc()
        self.seconds.labels(route).observe(info.modified_duration)


class BodyLimit:
    """Refuses bodies that are too large, by what they say or by what arrives."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings):
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        root = scope.get("root_path", "").rstrip("/")
        upload = scope["path"].removeprefix(root).rstrip("/") in UPLOADS
        most = self.settings.max_upload_bytes if upload else self.settings.max_body_bytes
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if said.isdigit() and int(said) > most:
            await self._refuse(most, scope, receive, send)
            return
        seen, begun = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise _TooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            if seen > most and not begun:
                return  # what the application makes of the broken body
            begun = True
            await send(message)

        with suppress(_TooLargeError):
            await self.app(scope, counted, noted)
        if seen > most and not begun:
            await self._refuse(most, scope, receive, send)

    @staticmethod
    async def _refuse(most: int, scope: Scope, receive: Receive, send: Send) -> None:
        response = error_response(413, "too_large", f"at most {most} bytes are allowed")
        response.headers["Connection"] = "close"  # the rest of the body is not read
        await response(scope, receive, send)


class Head:
    """Answers HEAD as GET is answered, which FastAPI does not; the server leaves the body out."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)


class _TooLargeError(Exception):
    pass
