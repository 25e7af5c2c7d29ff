# One image for the portal, the worker and the scheduler; docker-compose.yml gives each its command.
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      python3 python3-venv python3-dev gcc libkrb5-dev && rm -rf /var/lib/apt/lists/*
COPY requirements.lock /tmp/
RUN python3 -m venv /opt/portal && /opt/portal/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 libgssapi-krb5-2 \
      && rm -rf /var/lib/apt/lists/* && useradd --system --uid 10001 --home-dir /srv/portal portal
COPY --from=build /opt/portal /opt/portal
WORKDIR /srv/portal
COPY manage.py pyproject.toml ./
COPY portal portal
COPY assist assist
COPY directory directory
COPY templates templates
COPY static static
ENV PATH=/opt/portal/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=portal.settings
RUN SECRET_KEY=only-for-collecting-static-files python manage.py collectstatic --noinput
USER portal
