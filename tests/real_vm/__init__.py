"""Everything on machines that systemd-nspawn boots: the tier `real_vm`."""
