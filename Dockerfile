# mslesion as a BIDS-App. It needs no network, no home folder and no place to write but OUT_DIR:
#
#   docker build --tag mslesion .
#   docker run --rm --network none --read-only --user "$(id -u):$(id -g)" \
#     -v /my/dataset:/data:ro -v /my/results:/out mslesion /data /out participant
FROM python:3.11-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

LABEL org.opencontainers.image.title="mslesion" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.description="MS lesions in FLAIR scans, as a BIDS-App. Research use only." \
      org.opencontainers.image.licenses="Apache-2.0"

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY containers/install.sh containers/
COPY src src
RUN containers/install.sh /src /opt/mslesion "${TORCH_INDEX}" && rm -rf /src/*

# HOME leads nowhere, so that whoever runs it, by whatever number, finds the same.
ENV PATH=/opt/mslesion/bin:${PATH} \
    HOME=/nonexistent \
    LC_ALL=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1 \
    PYTHONUNBUFFERED=1

WORKDIR /
ENTRYPOINT ["mslesion"]
CMD ["--help"]
