# NVIDIA's Triton with our backend that searches. Build from the project's root: make image-triton
#
# 24.12 (server 2.53) is the release next to the one that deploy/local runs (2.51, as in 24.10). NVIDIA's own backend
# runs the networks. Models are not in the image: they come by a volume or from an object store.
#
# A release pins both bases by digest: make image-triton TRITON_IMAGE=nvcr.io/nvidia/tritonserver@sha256:...
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG TRITON_IMAGE=nvcr.io/nvidia/tritonserver:24.12-py3

FROM ${PYTHON_IMAGE} AS backend
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY animegan_kernels animegan_kernels
RUN python3 -m animegan_kernels triton_animegan_search animegan_convolution \
    && mv animegan_kernels/built/libtriton_animegan_search-*.so libtriton_animegan_search.so \
    && mv animegan_kernels/built/libanimegan_convolution-*.so libanimegan_convolution.so

FROM ${TRITON_IMAGE}
COPY --from=backend /build/libtriton_animegan_search.so /opt/tritonserver/backends/animegan_search/
# For clusters without GPUs: docs/operations/onnx-backend.md.
COPY --from=backend /build/libanimegan_convolution.so /opt/anime-gan/
COPY deploy/images/serve.sh deploy/images/verify.py /opt/anime-gan/
# As deploy/local/runtime.py sets them, with its reasons.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=134217728 ORT_DISABLE_TELEMETRY=1
WORKDIR /opt/anime-gan
USER 10001:10001
EXPOSE 8000 8001 8002
ENTRYPOINT ["/opt/anime-gan/serve.sh"]
