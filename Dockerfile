# One image for coordinator and agent: docs/deploying.md has how to run it, docker-compose.yml a whole network of it.
#
#     docker build -t warren .
#     docker run -v warren:/var/lib/warren-coordinator -p 8443:8443 … warren                     the coordinator, unprivileged
#     docker run --user root --cap-drop ALL --cap-add NET_ADMIN --device /dev/net/tun … warren agent join TOKEN

# The npm packages that run in production. Without install scripts, for nothing has to be compiled: what koffi needs comes
# as a package, and tuntap2, of the portable driver, is for hosts that are not Linux.
FROM node:24-bookworm-slim AS packages
WORKDIR /opt/warren
COPY package.json package-lock.json .npmrc ./
RUN npm pkg delete optionalDependencies devDependencies \
 && npm install --no-save --ignore-scripts --no-update-notifier --loglevel=error \
 && find node_modules \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete

FROM node:24-bookworm-slim
# setcap: ping has a capability of its own in Debian, which no process may start that was not given it. It works without.
RUN apt-get update \
 && apt-get install -y --no-install-recommends iproute2 iputils-ping nftables tini \
 && setcap -r "$(command -v ping)" \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old \
 && useradd --system --user-group --no-create-home --home-dir /var/lib/warren-coordinator --shell /usr/sbin/nologin warren \
 && install -d -m 700 -o warren -g warren /var/lib/warren-coordinator \
 && install -d -m 700 /var/lib/warren
WORKDIR /opt/warren
COPY --from=packages /opt/warren/node_modules node_modules
COPY package.json LICENSE ./
COPY bin bin
COPY proto proto
COPY shared shared
COPY agent agent
COPY coordinator coordinator
ENV PATH=/opt/warren/bin:$PATH NODE_ENV=production
# Types are stripped once, here: a start takes half the time.
RUN agent compile-ahead && coordinator --version

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Warren" \
      org.opencontainers.image.description="A mesh VPN: coordinator and agent" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"

VOLUME /var/lib/warren-coordinator
EXPOSE 8443/tcp 8080/tcp 3478/udp 3479/udp
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["warren-health"]
# The coordinator's: the agent needs root, for it makes interfaces.
USER warren
# -s: also where something else is the first process, as under `docker run --init`.
ENTRYPOINT ["tini", "-s", "--"]
CMD ["coordinator", "serve", "--data", "/var/lib/warren-coordinator", "--admin", "0.0.0.0:8080"]
