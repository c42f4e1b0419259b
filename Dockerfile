# Wardlight's one image: serve, ingest, work and migrate are commands of it. The web assets are fetched in a stage of their own.
FROM node:24-trixie-slim AS assets
WORKDIR /assets
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.13-slim-trixie
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/wardlight
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY . .
COPY --from=assets /assets/node_modules/htmx.org/dist/htmx.min.js \
                   /assets/node_modules/uplot/dist/uPlot.iife.min.js \
                   /assets/node_modules/uplot/dist/uPlot.min.css api/static/vendor/
RUN pip install --no-deps --no-build-isolation . \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin wardlight \
    && install -d -o wardlight -g wardlight /var/lib/wardlight
USER wardlight
WORKDIR /tmp
ENV WARDLIGHT_HTTP_HOST=0.0.0.0 WARDLIGHT_LOG_FORMAT=json
EXPOSE 8000
ENTRYPOINT ["wardlight"]
CMD ["serve"]
