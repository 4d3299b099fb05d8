"""``qgen serve``: the page and the HTTP service."""

from __future__ import annotations

import argparse
import os
import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from qgen.cli.loading import extra, question_generator
from qgen.cli.options import add_model, positive, whole
from qgen.cli.output import tell
from qgen.errors import QGenError, install
from qgen.service.settings import ServiceSettings

if TYPE_CHECKING:
    from qgen import QuestionGenerator


def add_to(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        usage="%(prog)s [options]",
        help="serve a web page and an HTTP API",
        description="Serve a web page at / and an HTTP API, described at /docs, until stopped.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port",
        type=whole(0, 65535),
        default=8000,
        metavar="N",
        help="its port; 0 for any that is free (default: %(default)s)",
    )
    parser.add_argument(
        "--token",
        type=_secret,
        help="a secret that clients must send as bearer token; the page is then off "
        "(default: $QGEN_TOKEN, if set)",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        type=_origin,
        default=[],
        metavar="ORIGIN",
        help="let web pages of this origin, such as https://example.org, call the API; * for all; "
        "may be given several times",
    )
    parser.add_argument(
        "--max-waiting",
        type=positive,
        default=ServiceSettings.max_waiting,
        metavar="N",
        help="passages that may wait in the queue; others are then refused (default: %(default)s)",
    )
    parser.add_argument(
        "--page",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="serve the page, unless there is a token (default: --page)",
    )
    add_model(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Serve until a signal ends it."""
    with extra("serve"):
        import uvicorn

        from qgen.service.app import create_app

    of_environment = os.environ.get("QGEN_TOKEN", "")
    if of_environment and not of_environment.strip():  # without any, everybody is let in
        raise QGenError("QGEN_TOKEN is white space alone")
    settings = ServiceSettings(
        token=args.token or of_environment.strip(),
        allow_origins=tuple(args.allow_origin),
        max_waiting=args.max_waiting,
        max_batch=args.batch_size,
    )
    page = args.page and not settings.token  # browsers send no bearer token

    def load() -> QuestionGenerator:
        try:
            return question_generator(args)
        except BaseException:
            server.config.timeout_graceful_shutdown = 1  # nothing that is waited for will come
            server.should_exit = True
            raise

    with _listening(args.host, args.port) as listener:
        try:
            app = create_app(load, settings, page)
        except ImportError as error:
            raise QGenError(f"{error.name} is missing: {install('ui')}, or --no-page") from error
        host = f"[{args.host}]" if ":" in args.host else args.host
        address = f"http://{host}:{listener.getsockname()[1]}"
        what = "the page and the API" if page else "the API"
        tell(f"serving {what} on {address}, documented at /docs")
        # On SIGTERM uvicorn takes no new connections and finishes the requests that it has.
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                timeout_graceful_shutdown=int(settings.timeout_s),
            )
        )
        with suppress(SystemExit):  # uvicorn's, where it cannot start
            server.run([listener])
    if not server.started:
        raise QGenError("the service could not start")
    app.state.loaded.result()


def _secret(text: str) -> str:
    """A token, as ``type`` of an option; white space at its ends does not come through HTTP.

    An empty one, of a variable that is not set, say, would let everybody in without a word.
    """
    if not (secret := text.strip()):
        raise argparse.ArgumentTypeError("must not be empty")
    return secret


def _origin(text: str) -> str:
    """An origin as browsers send it, as ``type`` of an option: written otherwise, as with a slash
    behind it, no page's would be the same."""
    if not re.fullmatch(r"\*|null|[a-z][a-z0-9+.-]*://[^/?#\sA-Z]+", text):
        raise argparse.ArgumentTypeError(f"must be as in https://example.org:8080: {text}")
    return text


def _listening(host: str, port: int) -> socket.socket:
    """What takes the connections, before there is an application; the port 0 is any free one.

    Raises:
        QGenError: the host is unknown, or the port is taken or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise QGenError(f"cannot listen on {host}, port {port}: {reason}") from error
