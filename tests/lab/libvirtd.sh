#!/bin/sh
# A libvirtd of its own, for machines where no service manager runs one and for tests that must be
# free to kill it. It lives in a private mount namespace: configuration, state and sockets are in
# DIR, and the machine's own /etc/libvirt, /var/lib/libvirt and /run/libvirt are neither read nor
# written. Guests it has started outlive it, and the next start finds them again.
#
#   libvirtd.sh start DIR   start (or do nothing when it already answers); prints the connection URI
#   libvirtd.sh stop DIR    ask it to end; guests keep running
#   libvirtd.sh kill DIR    SIGKILL, for tests of a crash
#   libvirtd.sh purge DIR   kill, and end the guests that were started from DIR as well
#   libvirtd.sh uri DIR     print the connection URI
#
# DIR must be short: a UNIX socket's path has at most 107 characters. Needs root. The sockets are for
# root and, through sudo, for the group of who ran it.
set -eu
action=${1:?usage: libvirtd.sh start|stop|kill|purge|uri DIR}
dir=${2:?usage: libvirtd.sh start|stop|kill|purge|uri DIR}

uri() { printf 'qemu+unix:///system?socket=%s/run/libvirt-sock\n' "$dir"; }

# The process whose id is in a pid file, if it is still the program of that name.
alive() { # FILE NAME
  [ -s "$1" ] && pid=$(cat "$1") && [ -r "/proc/$pid/comm" ] && [ "$(cat "/proc/$pid/comm")" = "$2" ]
}

configure() {
  mkdir -p "$dir/etc" "$dir/var" "$dir/run" "$dir/log" "$dir/cache"
  dir=$(cd "$dir" && pwd -P)
  [ -s "$dir/etc/host_uuid" ] || cat /proc/sys/kernel/random/uuid >"$dir/etc/host_uuid"
  # Run through sudo, the person who did so is to reach the socket as well.
  group=$(getent group "${SUDO_GID:-0}" | cut -d: -f1)
  # host_uuid is set because virtual machines and containers often lack an SMBIOS to take it from.
  cat >"$dir/etc/libvirtd.conf" <<C
listen_tls = 0
listen_tcp = 0
unix_sock_group = "$group"
unix_sock_rw_perms = "0770"
auth_unix_rw = "none"
auth_unix_ro = "none"
host_uuid = "$(cat "$dir/etc/host_uuid")"
max_client_requests = 20
log_outputs = "3:file:$dir/log/libvirtd.log"
C
  # stdio_handler: no virtlogd runs here. security_driver: neither AppArmor profiles nor SELinux
  # labels exist for this daemon's private paths.
  cat >"$dir/etc/qemu.conf" <<C
user = "root"
group = "root"
security_driver = "none"
namespaces = []
dynamic_ownership = 0
remember_owner = 0
seccomp_sandbox = 1
stdio_handler = "file"
cgroup_controllers = []
C
  : >"$dir/etc/network.conf"
}

start() {
  configure
  if alive "$dir/run/libvirtd.pid" libvirtd && virsh -q -c "$(uri)" uri >/dev/null 2>&1; then uri; return; fi
  rm -f "$dir/run/libvirtd.pid"
  mkdir -p /etc/libvirt /var/lib/libvirt /run/libvirt /var/log/libvirt /var/cache/libvirt
  unshare --mount sh -c '
    mount --bind "$1/etc" /etc/libvirt && mount --bind "$1/var" /var/lib/libvirt &&
    mount --bind "$1/run" /run/libvirt && mount --bind "$1/log" /var/log/libvirt &&
    mount --bind "$1/cache" /var/cache/libvirt &&
    exec setsid libvirtd --config /etc/libvirt/libvirtd.conf --pid-file /run/libvirt/libvirtd.pid
  ' sh "$dir" >>"$dir/log/start.log" 2>&1 </dev/null &
  daemon=$!
  tries=0
  until virsh -q -c "$(uri)" uri >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -ge 100 ] || ! kill -0 "$daemon" 2>/dev/null; then
      echo "libvirtd did not come up; the last of its logs:" >&2
      for log in "$dir/log/start.log" "$dir/log/libvirtd.log"; do
        if [ -s "$log" ]; then tail -n 5 "$log" >&2; fi
      done
      exit 1
    fi
    sleep 0.2
  done
  uri
}

end() { # SIGNAL PIDFILE NAME
  if alive "$2" "$3"; then
    kill "-$1" "$pid"
    tries=0
    while [ -d "/proc/$pid" ] && [ "$tries" -lt 100 ]; do tries=$((tries + 1)); sleep 0.05; done
  fi
}

case $action in
  start) start ;;
  uri) uri ;;
  stop) end TERM "$dir/run/libvirtd.pid" libvirtd ;;
  kill) end KILL "$dir/run/libvirtd.pid" libvirtd ;;
  purge)
    end KILL "$dir/run/libvirtd.pid" libvirtd
    for file in "$dir"/run/qemu/*.pid; do end KILL "$file" qemu-system-x86; done
    # What a network leaves when its libvirtd is killed: its DHCP server and its bridge.
    for file in "$dir"/run/network/*.pid; do end KILL "$file" dnsmasq; done
    for file in "$dir"/run/network/*.xml; do
      if [ -s "$file" ]; then
        bridge=$(sed -n "s/.*<bridge name='\([A-Za-z0-9._-]*\)'.*/\1/p" "$file" | head -n 1)
        if [ -d "/sys/class/net/$bridge/bridge" ]; then ip link del "$bridge"; fi
      fi
    done ;;
  *) echo "unknown action $action" >&2; exit 2 ;;
esac
