# syntax=docker/dockerfile:1
# Stage one builds and gathers what runs; stage two holds that and a Node, nothing else.
FROM node:24-bookworm-slim AS build
WORKDIR /source
COPY package.json package-lock.json ./
COPY .ci/prepare.mjs .ci/image-content.mjs .ci/healthcheck.mjs ./.ci/
RUN ["node", ".ci/prepare.mjs"]
COPY tsconfig.json README.md CHANGELOG.md LICENSE ./
COPY config ./config
COPY docs ./docs
COPY dashboards ./dashboards
COPY src ./src
RUN ["node", ".ci/prepare.mjs", "--build", "--", "node", ".ci/image-content.mjs", "/image"]
# A volume takes the owner of the folder that it first covers.
RUN ["mkdir", "--mode=0700", "/data"]

FROM node:24-bookworm-slim
ENV NODE_ENV=production
COPY --from=build /image /app
COPY --from=build --chown=1000:1000 /data /data
WORKDIR /data
USER 1000:1000
VOLUME /data
# 8443: ACME clients. 9080: health and metrics; it asks for no password, keep it private.
EXPOSE 8443 9080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "/app/healthcheck.mjs"]
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["serve", "--config", "/etc/acmetap/acmetap.yaml"]
