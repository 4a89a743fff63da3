# What it is made with and of, each pinned. Bun's version is the one of package.json, which a test holds to.
ARG BUN_IMAGE=docker.io/oven/bun:1.4.5-slim
# Of the same Debian as the last stage: what is linked here runs with the C library there.
ARG BUILD_IMAGE=docker.io/library/debian:12.12-slim
# The C library, the certificate authorities and the time zones of Debian 12, some 15 MB. Debian slim would add 75 MB of
# programs, among them a shell and a package manager, which the service never runs and others might.
ARG SYSTEM_IMAGE=gcr.io/distroless/base-nossl-debian12:nonroot@sha256:be40c00dfabd86576d92666e87e406714d5618342de1a0c213ad232de255172e

FROM ${BUN_IMAGE} AS bun

FROM ${BUILD_IMAGE} AS build
# Of the newest that this Debian has: versions that are named are soon gone from its mirrors.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    ca-certificates dpkg-dev g++ libssl-dev libzstd-dev make zlib1g-dev \
  && rm -rf /var/lib/apt/lists/*
COPY --from=bun /usr/local/bin/bun /usr/local/bin/bun
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile
# Before the sources, so that a change of them does not compile librdkafka again.
COPY native ./native
RUN bun -e 'const { buildStandaloneAddon } = await import("/app/native/build.ts"); \
  const isEnough = (lacking) => { console.error(lacking.join("\n")); return false; }; \
  if ((await buildStandaloneAddon(isEnough)) === undefined) process.exit(69);'
COPY drizzle ./drizzle
COPY docs/openapi.json ./docs/
COPY scripts ./scripts
COPY src ./src
# docker build --build-arg COMMIT="$(git rev-parse HEAD)"
ARG COMMIT
RUN bun scripts/build.ts \
  && mkdir -p /image/usr/local/bin /image/usr/share/doc/arrest-events /image/data \
  && mv dist/arrest-events /image/usr/local/bin/ \
  && mv dist/arrest-events.cdx.json dist/THIRD_PARTY_NOTICES.txt /image/usr/share/doc/arrest-events/
COPY LICENSE /image/usr/share/doc/arrest-events/

FROM ${SYSTEM_IMAGE}
COPY --from=build --chown=65532:65532 /image/data /data
COPY --from=build /image/usr /usr
ARG COMMIT
LABEL org.opencontainers.image.title="Arrest Events" \
  org.opencontainers.image.description="Arrest events from Kafka, exactly once in SQLite, served over HTTP." \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.revision="${COMMIT}" \
  org.opencontainers.image.licenses="Apache-2.0"
# Production: KAFKA_BROKERS must be set. The service listens on loopback until HOST and AUTH say otherwise.
ENV NODE_ENV=production \
  DATABASE_PATH=/data/arrest-events.sqlite
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 5100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/usr/local/bin/arrest-events", "health"]
ENTRYPOINT ["/usr/local/bin/arrest-events"]
