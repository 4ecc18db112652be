# Training on clusters; deploy/k8s/tools/train runs it. Build from the project's root: make image-training
#
# PyPI's torch carries CUDA, several GB: machines need a driver of NVIDIA and nothing else.
#
# A release pins the base by digest: make image-training PYTHON_IMAGE=docker.io/library/python@sha256:...
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG PIP_VERSION=26.3
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/pip && /opt/pip/bin/pip install --no-cache-dir "pip==${PIP_VERSION}" \
    && python3 -m venv --without-pip /opt/venv
WORKDIR /build
COPY pyproject.toml constraints.txt ./
RUN /opt/pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir --only-binary :all: \
    --constraint constraints.txt --group training
WORKDIR /app
COPY animegan_kernels /app/animegan_kernels
# The search by SSIM, and what the renderer loads where there is neither libGL nor libEGL.
RUN python3 -m animegan_kernels animegan_search GL EGL
COPY animegan_cli /app/animegan_cli
COPY animegan_search /app/animegan_search
COPY training /app/training
# Nobody can write bytecode later: the root is read-only.
RUN /opt/venv/bin/python -m compileall -q /app

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp
WORKDIR /app
USER 10001:10001
EXPOSE 9105
ENTRYPOINT ["python", "-m", "training.cli.train"]
