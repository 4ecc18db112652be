# The similarity service. Build from the project's root: make image-similarity
#
# A release pins the base by digest: make image-similarity PYTHON_IMAGE=docker.io/library/python@sha256:...
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG PIP_VERSION=26.3
RUN python3 -m venv /opt/pip && /opt/pip/bin/pip install --no-cache-dir "pip==${PIP_VERSION}" \
    && python3 -m venv --without-pip /opt/venv
WORKDIR /build
COPY pyproject.toml constraints.txt ./
RUN /opt/pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir --only-binary :all: \
    --constraint constraints.txt --group similarity
COPY protos/animegan /app/animegan
# What it needs of the search: definitions, verdicts, the merging of shards. Triton scans.
COPY animegan_kernels /app/animegan_kernels
COPY animegan_search/__init__.py /app/animegan_search/
COPY animegan_search/ssim /app/animegan_search/ssim
COPY services/__init__.py /app/services/
COPY services/common /app/services/common
COPY services/similarity /app/services/similarity
# Nobody can write bytecode later: the root is read-only.
RUN /opt/venv/bin/python -m compileall -q /app

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 ANIMEGAN_SIMILARITY_HOST=0.0.0.0
WORKDIR /app
USER 10001:10001
EXPOSE 50053 9103
ENTRYPOINT ["python", "-m", "services.similarity"]
