# The orchestrator: its sources, which Node runs as they are, and its production dependencies.
#
# `npm run check:container` carries out these steps on a machine without a container engine. It refuses what it does not know; RUN steps
# name only paths relative to WORKDIR.

# The Node that package.json pins; the check compares them.
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY services/orchestrator/package.json services/orchestrator/
RUN npm ci --omit=dev --ignore-scripts --workspace services/orchestrator && mkdir data

FROM node:${NODE_VERSION}-slim
LABEL org.opencontainers.image.title="Taskgrove orchestrator" \
      org.opencontainers.image.description="Orchestrates trees of tasks that grow while they run." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
# All settings are in docs/operations.md. Set them with variables rather than flags, so that the health check knows the port, too.
ENV NODE_ENV=production \
    TASKGROVE_GRPC_HOST=0.0.0.0 \
    TASKGROVE_HTTP_HOST=0.0.0.0 \
    TASKGROVE_SQLITE_FILE=/var/lib/taskgrove/taskgrove.db
WORKDIR /app
COPY --from=dependencies --chown=1000:1000 /app/data /var/lib/taskgrove
COPY --from=dependencies /app/node_modules node_modules
COPY proto proto
COPY services/orchestrator services/orchestrator
# The user `node` of the base image, as numbers: Kubernetes cannot tell from a name that it is not root.
USER 1000:1000
VOLUME /var/lib/taskgrove
EXPOSE 4150 4151
STOPSIGNAL SIGTERM
# Alive, not ready: nothing is gained by replacing a container because the database is away. HTTP is served only when the start is complete.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.TASKGROVE_HTTP_PORT ?? 4151) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1))"]
ENTRYPOINT ["node", "services/orchestrator/main.ts"]
