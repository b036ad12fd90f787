"""The product against a real kube-apiserver with Istio's own definitions; `make real-tools` makes what it needs."""
