//! Hosts for real: libvirt with QEMU. The only code that names `virt`.
