# NVIDIA's Triton with what our search models import. Build from the project's root: make image-triton
#
# 24.12 (server 2.53) is the release next to the one that deploy/local runs (2.51, as in 24.10) whose
# Python is new enough for us: 3.12 on Ubuntu 24.04, where 24.10 has 3.10. Models are not in the image:
# they come by a volume or from an object store.
#
# A release pins both bases by digest: make image-triton TRITON_IMAGE=nvcr.io/nvidia/tritonserver@sha256:...
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG TRITON_IMAGE=nvcr.io/nvidia/tritonserver:24.12-py3

FROM ${PYTHON_IMAGE} AS kernels
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY animegan_kernels animegan_kernels
COPY animegan_ssim animegan_ssim
RUN python3 -m animegan_kernels

FROM ${TRITON_IMAGE} AS packages
ARG PIP_VERSION=26.3
RUN python3 -m pip install --no-cache-dir --target /opt/pip "pip==${PIP_VERSION}"
WORKDIR /build
COPY pyproject.toml ./
# --no-deps: the group pins everything, with the NumPy 1 that the Python backend is bound to.
# hadolint ignore=DL3013
RUN PYTHONPATH=/opt/pip python3 -m pip install --no-cache-dir --no-deps --only-binary :all: \
    --target /opt/packages --group triton-search

FROM ${TRITON_IMAGE}
COPY --from=packages /opt/packages /opt/anime-gan/packages
COPY --from=kernels /build/animegan_ssim /opt/anime-gan/animegan_ssim
COPY --from=kernels /build/animegan_kernels /opt/anime-gan/animegan_kernels
COPY animegan_copies /opt/anime-gan/animegan_copies
COPY deploy/images/serve.sh deploy/images/alive.py deploy/images/verify.py /opt/anime-gan/
# As deploy/local/runtime.py sets them, with its reasons.
ENV PYTHONPATH=/opt/anime-gan:/opt/anime-gan/packages PYTHONDONTWRITEBYTECODE=1 \
    OPENBLAS_NUM_THREADS=1 MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=134217728
WORKDIR /opt/anime-gan
USER 10001:10001
EXPOSE 8000 8001 8002
ENTRYPOINT ["/opt/anime-gan/serve.sh"]
