"""The lab's VMs: SSH servers whose commands see a VM's own files, never the operator's."""
