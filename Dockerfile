# syntax=docker/dockerfile:1
# HopperKV for Redis servers that run elsewhere ([cache] kind = "dedicated"): the image holds the
# one binary and no redis-server.

FROM node:22-bookworm-slim AS ui
WORKDIR /ui
COPY admin-ui ./
RUN npm ci --ignore-scripts --no-fund --no-audit && npm run build

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY alloc alloc
COPY control control
COPY experiments experiments
COPY history history
COPY trace trace
COPY proxy proxy
COPY bench bench
COPY --from=ui /ui/dist admin-ui/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p hopperkv && cp target/release/hopperkv /hopperkv

FROM debian:bookworm-slim
# The certificates are for DynamoDB's own endpoints.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/hopperkv --create-home hopperkv
COPY --from=build /hopperkv /usr/local/bin/hopperkv
COPY docker/healthcheck.sh /usr/local/bin/hopperkv-healthcheck
USER hopperkv
WORKDIR /var/lib/hopperkv
VOLUME /var/lib/hopperkv
EXPOSE 6380 6390
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["bash", "/usr/local/bin/hopperkv-healthcheck"]
ENTRYPOINT ["hopperkv"]
CMD ["serve", "--config", "/etc/hopperkv/hopperkv.toml"]
