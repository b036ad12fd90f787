"""The lab's mesh: control plane, sidecars, controllers and Pods, judged by Istio's own rules."""
