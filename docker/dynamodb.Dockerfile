# dynalite, a DynamoDB-compatible server with a permissive licence, at the version the tests use.
FROM node:20-slim
WORKDIR /srv
COPY clients/node/package.json clients/node/package-lock.json ./
RUN npm ci --ignore-scripts --no-fund --no-audit && mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8000
CMD ["node", "node_modules/dynalite/cli.js", "--port", "8000", "--path", "/data"]
