# The service with its page.  It needs no network once it is built.
#
#   docker build -t qgen .            (--build-arg TORCH="torch==2.13.0" for another build of torch)
#   docker run --rm -p 8000:8000 qgen
FROM python:3.12-slim-trixie AS build
ARG TORCH=torch
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
WORKDIR /src
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir "$TORCH"
COPY . .
RUN /venv/bin/pip install --no-cache-dir '.[serve,ui,documents]'

FROM python:3.12-slim-trixie
COPY --from=build /venv /venv
RUN useradd --create-home --uid 10001 qgen
USER 10001
ENV PATH=/venv/bin:$PATH HF_HUB_OFFLINE=1 GRADIO_ANALYTICS_ENABLED=False
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz')"]
# No shell in between, so that SIGTERM reaches the service.
ENTRYPOINT ["qgen", "serve", "--host", "0.0.0.0", "--port", "8000"]
