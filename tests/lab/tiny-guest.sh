#!/usr/bin/env bash
# The smallest useful real guest: Debian's own kernel, and an initramfs with busybox, qemu-ga and
# tiny-init (which see for what it answers).
#
#   tiny-guest.sh OUTDIR
#
# makes in OUTDIR: vmlinux (for QEMU's PVH entry: fastest), vmlinuz, tiny.img (the initramfs),
# tiny.qcow2 (a blank disk of 64 MiB) and tiny.iso (a bootable CD with the same kernel and initramfs).
# Kernel and qemu-ga are downloaded as packages and not installed.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
out=${1:?usage: tiny-guest.sh OUTDIR}
mkdir -p "$out"
out=$(readlink -f "$out")
work=$(mktemp -d "${TMPDIR:-/var/tmp}/tiny.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
root=$work/root
mkdir -p "$work"/{packages,kernel,agent} \
  "$root"/{bin,sbin,usr/bin,usr/sbin,proc,sys,dev,run,tmp,etc,lib64,lib/x86_64-linux-gnu,mod}

# Every module is there; these are loaded at boot, the rest by `load NAME` in the guest.
boot_modules=${TINY_BOOT:-"virtio_pci virtio_blk virtio_console virtio_net virtio_balloon evdev usbhid
  hid-generic xhci-pci bochs qxl virtio_gpu"}
all_modules="virtio_pci virtio_blk virtio_console virtio_net virtio_rng virtio_balloon virtio_scsi
  sd_mod sr_mod bochs qxl virtio_gpu virtio_input evdev hid-generic usbhid xhci-pci ehci-pci uhci-hcd
  usb-storage psmouse 9pnet_virtio 9p snd-hda-intel snd-hda-codec-generic uvcvideo i6300esb pvpanic-pci
  ata_piix ahci isofs"
applets="sh ls cat echo ip udhcpc insmod mount umount dd ps kill sleep dmesg hexdump od wget nc httpd
  vi ping lsusb lspci modprobe free uptime date mkfs.ext2 sync head tail grep"

fetch_packages() {
  local image
  image=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ { print $2; exit }')
  (cd "$work/packages" && apt-get -qq -o APT::Sandbox::User=root download "$image" qemu-guest-agent)
  dpkg-deb -x "$work"/packages/linux-image*.deb "$work/kernel"
  dpkg-deb -x "$work"/packages/qemu-guest-agent*.deb "$work/agent"
}

# Unpacked, because TCG needs 4 to 5 s to do it: QEMU starts the plain ELF by its PVH note.
unpack_kernel() {
  python3 - "$out/vmlinuz" "$out/vmlinux" <<'P'
import lzma, sys
data = open(sys.argv[1], "rb").read()
start = data.find(b"\xfd7zXZ\0")
if start < 0:
    sys.exit("the kernel is not packed with xz")
open(sys.argv[2], "wb").write(lzma.LZMADecompressor().decompress(data[start:]))
P
}

# The files of a module and of what it needs, in the order in which to load them.
files_of() {
  modprobe -d "$work/kernel" -S "$version" -D "$1" 2>/dev/null | awk '/^insmod/ { print $2 }' || true
}

add_modules() {
  depmod -b "$work/kernel" "$version"
  local name file
  for name in $all_modules; do files_of "$name"; done | awk '!seen[$0]++' | while read -r file; do
    cp "$file" "$root/mod/"
    strip -g "$root/mod/$(basename "$file")"
  done
  for name in $boot_modules; do files_of "$name"; done | awk '!seen[$0]++' | sed 's#.*/#/mod/#' >"$root/mods"
  for name in $all_modules; do files_of "$name" | sed 's#.*/#/mod/#' >"$root/mod/$name.order"; done
}

add_programs() {
  local applet library
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in $applets; do ln -s busybox "$root/bin/$applet"; done
  cat >"$root/bin/load" <<'S'
#!/bin/sh
for name in "$@"; do
  while read -r file; do insmod "$file" 2>/dev/null; done <"/mod/$name.order"
done
S
  cat >"$root/bin/dhcp" <<'S'
#!/bin/sh
case $1 in
  bound|renew)
    ip addr flush dev "$interface"
    ip addr add "$ip/${mask:-24}" dev "$interface"
    [ -z "$router" ] || ip route add default via "$router" ;;
esac
S
  chmod +x "$root/bin/load" "$root/bin/dhcp"
  cp "$work/agent/usr/sbin/qemu-ga" "$root/usr/sbin/"
  ldd "$work/agent/usr/sbin/qemu-ga" | awk '$3 ~ /^\// { print $3 }' | while read -r library; do
    cp -L "$library" "$root/lib/x86_64-linux-gnu/"
  done
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
  printf 'root:x:0:0:root:/:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\n' >"$root/etc/group"
  printf 'tiny\n' >"$root/etc/hostname"
  printf 'NAME=tiny\nID=tiny\nVERSION_ID=1\nPRETTY_NAME="Tiny guest"\n' >"$root/etc/os-release"
  gcc -O2 -Wall -static -pthread -o "$root/init" "$here/tiny-init.c"
  strip "$root/init"
}

make_cd() {
  mkdir -p "$work/cd/isolinux"
  cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/cd/isolinux/"
  cp "$out/vmlinuz" "$work/cd/"
  gzip -1 <"$out/tiny.img" >"$work/cd/tiny.gz"
  cat >"$work/cd/isolinux/isolinux.cfg" <<'C'
DEFAULT t
PROMPT 0
TIMEOUT 1
LABEL t
 LINUX /vmlinuz
 INITRD /tiny.gz
 APPEND console=tty0 console=ttyS0 quiet
C
  genisoimage -quiet -R -J -V TINY -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
    -boot-load-size 4 -boot-info-table -o "$out/tiny.iso" "$work/cd"
}

fetch_packages
cp "$work"/kernel/boot/vmlinuz-* "$out/vmlinuz"
unpack_kernel
version=$(basename "$work"/kernel/lib/modules/*)
add_modules
add_programs
# Not compressed: unpacking costs more under TCG than reading.
(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$out/tiny.img"
qemu-img create -q -f qcow2 "$out/tiny.qcow2" 64M
make_cd
