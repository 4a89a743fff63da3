# Bun's version is the one of package.json; setup refuses any other.
ARG BUN_VERSION=1.4.5

FROM oven/bun:${BUN_VERSION}-debian AS build
# The compiler for the Kafka addon, and what librdkafka needs for TLS, SASL, OIDC, zstd and LZ4.
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    g++ make \
    libcurl4-openssl-dev liblz4-dev libsasl2-dev libssl-dev libzstd-dev zlib1g-dev \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile
# Before the sources, so that a change of them does not compile librdkafka again.
COPY native ./native
RUN bun native/build.ts
# Without what only building and testing needs, but with the addon.
RUN cp node_modules/@confluentinc/kafka-javascript/build/Release/confluent-kafka-javascript.node /tmp/addon.node \
  && rm -rf native node_modules \
  && bun install --frozen-lockfile --production \
  && rm -rf node_modules/@confluentinc/kafka-javascript/deps \
  && install -D /tmp/addon.node node_modules/@confluentinc/kafka-javascript/build/Release/confluent-kafka-javascript.node
COPY drizzle ./drizzle
COPY src ./src

FROM oven/bun:${BUN_VERSION}-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    ca-certificates libcurl4 liblz4-1 libsasl2-2 libsasl2-modules libssl3 libzstd1 zlib1g \
  && rm -rf /var/lib/apt/lists/* \
  && install -d -o bun -g bun /data
WORKDIR /app
COPY --from=build /app ./
# Production: KAFKA_BROKERS must be set. The service listens on loopback until HOST and AUTH say otherwise.
ENV NODE_ENV=production \
  DATABASE_PATH=/data/arrest-events.sqlite
USER bun
VOLUME /data
EXPOSE 5100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["bun", "-e", "process.exit((await fetch(`http://127.0.0.1:${process.env.PORT ?? 5100}/livez`)).ok ? 0 : 1)"]
ENTRYPOINT ["bun", "src/main.ts"]
