# The service as a container. docs/operating.md says how it is run; docs/deploy/compose.yaml runs it with PostgreSQL.
#
# BASE: an image with Python 3.11 or newer and its venv module.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
RUN python3 -m venv /opt/insulin-pump-cds
ENV PATH=/opt/insulin-pump-cds/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# What the lock file pins, checked by hash; first, so that a change of the code does not install it again.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY cds_service cds_service
COPY fhir_mappings fhir_mappings
# The container may not write to its file system: modules are compiled here.
RUN pip install --no-deps . && python3 -m compileall -q /opt/insulin-pump-cds && pip uninstall -y -q pip

FROM ${BASE}
COPY --from=build /opt/insulin-pump-cds /opt/insulin-pump-cds
# The store's folder is the only one that is written to; what lasts for one run only lies in shared memory.
# The group may do what the user may: some platforms start containers under a user of their own choice.
RUN install -d -o 10001 -g 0 -m 0770 /var/lib/insulin-pump-cds
ENV PATH=/opt/insulin-pump-cds/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_DATA_HOME=/var/lib \
    TMPDIR=/dev/shm
USER 10001:0
VOLUME /var/lib/insulin-pump-cds
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["insulin-pump-cds"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080", "--workers", "2"]
