"""Machines by QEMU, with KVM where it really runs guests, else by software emulation (TCG)."""
