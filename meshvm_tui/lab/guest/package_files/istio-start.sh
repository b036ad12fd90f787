#!/bin/sh
# Starts the sidecar with the settings of sidecar.env and then cluster.env, as the package of Istio does.
# Places are relative to the working folder, which is / in a VM.
set -e

set -a
for file in ./var/lib/istio/envoy/sidecar.env ./var/lib/istio/envoy/cluster.env; do
    if [ -r "$file" ]; then . "$file"; fi
done
set +a

bin=${ISTIO_BIN_BASE:-/usr/local/bin}
log=${ISTIO_LOG_DIR:-./var/log/istio}
namespace=${ISTIO_NAMESPACE:-default}
system=${ISTIO_SYSTEM_NAMESPACE:-istio-system}
if [ -z "${ISTIO_SVC_IP:-}" ]; then
    ISTIO_SVC_IP=$(hostname --all-ip-addresses | cut -d ' ' -f 1)
fi
POD_NAME=${POD_NAME:-$(hostname -s)}
if [ -z "${CA_ADDR:-}" ]; then
    CA_ADDR=${PILOT_ADDRESS:-istiod.$system.svc:${ISTIO_PILOT_PORT:-15012}}
fi
PROV_CERT=${PROV_CERT-./etc/certs}
OUTPUT_CERTS=${OUTPUT_CERTS-./etc/certs}
INSTANCE_IP=$ISTIO_SVC_IP
POD_NAMESPACE=${POD_NAMESPACE:-$namespace}
PROXY_CONFIG=${PROXY_CONFIG:-"{\"serviceCluster\":\"${ISTIO_SERVICE:-}\",\"controlPlaneAuthPolicy\":\"MUTUAL_TLS\"}"}
export ISTIO_SVC_IP INSTANCE_IP POD_NAME POD_NAMESPACE CA_ADDR PROV_CERT OUTPUT_CERTS PROXY_CONFIG

if [ "${ISTIO_CUSTOM_IP_TABLES:-}" != true ]; then
    "$bin/pilot-agent" istio-iptables --cleanup-only
    if [ "${1:-}" = clean ]; then exit 0; fi
    "$bin/pilot-agent" istio-iptables
fi
if [ "${1:-}" = clean ]; then exit 0; fi

mkdir -p "$log"
# The agent's arguments are split into words on purpose: they are flags.
# shellcheck disable=SC2086
exec sudo -E -u istio-proxy "$bin/pilot-agent" proxy ${ISTIO_AGENT_FLAGS:-} sidecar >>"$log/istio.log" 2>>"$log/istio.err.log"
