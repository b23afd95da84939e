# The bridge and its servers, as bundles, with the packages that they need at run time.
#
#   docker build -t drawbridge .
#   docker run --init -p 127.0.0.1:11100:11100 -v drawbridge:/var/lib/drawbridge -v "$PWD":/project \
#     -v "$PWD/mcp.config.json":/project/mcp.config.json:ro drawbridge
#
# `docker exec NAME drawbridge token show` prints the operator's key.

FROM node:20-slim AS build
WORKDIR /app
COPY . .
# Everything to make the bundles, then only what they need; what stays of a package is its bundle.
RUN node scripts/install.mjs \
  && node scripts/bundle.mjs \
  && rm -rf node_modules */node_modules servers/*/node_modules \
  && npx -y pnpm@12.21.0 install --prod --frozen-lockfile \
  && rm -rf bench scripts */src servers/*/src

FROM node:20-slim
ENV NODE_ENV=production \
  DRAWBRIDGE_HOME=/var/lib/drawbridge \
  DRAWBRIDGE_HOST=0.0.0.0 \
  DRAWBRIDGE_PUBLIC=1
COPY --from=build /app /app
RUN ln -s /app/bin/drawbridge.js /usr/local/bin/drawbridge \
  && install -d -o node -g node -m 0700 /var/lib/drawbridge \
  && install -d -o node -g node /project
USER node
# The project: its files are what the servers see. Its mcp.config.json is run where it is a mount of its
# own that is read-only: nothing in the container can then have written it.
WORKDIR /project
VOLUME /var/lib/drawbridge
EXPOSE 11100
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:11100/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/drawbridge.js"]
CMD ["start"]
