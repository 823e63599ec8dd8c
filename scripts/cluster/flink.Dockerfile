# m6-corpus. From the checkout: docker build -f scripts/cluster/flink.Dockerfile -t m6-corpus .
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -tags clouds -o /usr/local/bin/m6-corpus ./scripts/corpus

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/m6-corpus /usr/local/bin/m6-corpus
ENTRYPOINT ["m6-corpus"]
