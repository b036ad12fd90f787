"""The lab's Kubernetes API server; `server.ClusterApi` starts it. It judges by its own reading of Kubernetes' rules."""
