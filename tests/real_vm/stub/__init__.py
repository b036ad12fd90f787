"""What the stub istio-sidecar package installs on a test machine; nothing here runs on this computer."""
