# The line with its speech model inside. It needs its settings from the environment: see the table in README.md.
FROM python:3.11-slim AS built

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/line
WORKDIR /src
COPY requirements.lock .
RUN /opt/line/bin/pip install -q --require-hashes -r requirements.lock

# The model is its own layer: it changes with none of the code beside it.
COPY settings.py ./
COPY speech/__init__.py speech/model.py speech/
RUN XDG_CACHE_HOME=/model /opt/line/bin/python -m speech.model


# An exchange of one's own (docs/own-exchange.md), an image beside the line's:
#   docker build --target exchange --tag order-hotline-exchange --build-arg DEBIAN_MIRROR=address-of-a-mirror-of-one-day .
FROM python:3.11-slim AS unpacked

# Without one, what Debian has today.
ARG DEBIAN_MIRROR=
ARG DEBIAN_SUITE=sid
COPY deploy/asterisk/unpack.sh ./
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends mmdebstrap \
    && ./unpack.sh /opt/asterisk


FROM python:3.11-slim AS exchange

RUN groupadd --gid 10001 line \
    && useradd --uid 10001 --gid line --no-create-home --home-dir /srv/line --shell /usr/sbin/nologin line
COPY --from=unpacked /opt/asterisk /opt/asterisk
COPY deploy/__init__.py /srv/line/deploy/
COPY deploy/asterisk /srv/line/deploy/asterisk
RUN mkdir /srv/line/var && chown line:line /srv/line/var

WORKDIR /srv/line
USER line
ENV PYTHONUNBUFFERED=1 \
    ASTERISK_UNPACKED=/opt/asterisk
VOLUME /srv/line/var

HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "deploy.asterisk.healthy"]

CMD ["python", "-m", "deploy.asterisk.run"]


FROM python:3.11-slim

# Vosk's library is linked against the C++ runtime and, on ARM, against atomics, which slim images may leave out.
# espeak-ng says what the voice pack lacks.
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends espeak-ng libatomic1 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 line \
    && useradd --uid 10001 --gid line --no-create-home --home-dir /srv/line --shell /usr/sbin/nologin line

COPY --from=built /opt/line /opt/line
COPY --from=built /model/order-hotline/vosk-model-small-cn-0.22 /opt/model
COPY . /srv/line
RUN mkdir -p /srv/line/var && chown line:line /srv/line/var

WORKDIR /srv/line
USER line
ENV PATH=/opt/line/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    VOSK_MODEL_PATH=/opt/model
VOLUME /srv/line/var
EXPOSE 8000

HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "deploy.healthy"]

# Tables first, which is quick when they already are of this version; exec hands the signals on to the processes.
# Containers of one part each (deploy/compose.yaml) have commands of their own.
CMD ["sh", "-c", "flask --app app migrate && exec python -m deploy.serve"]
