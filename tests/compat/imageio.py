"""
Moves images with oVirt's own clients, the SDK and ovirt-imageio, and says as JSON what it saw.

imageio.py URL PASSWORD CAFILE FOLDER
"""

import json
import os
import subprocess
import sys
import time
from http import client as http_client
import ssl
from urllib.parse import urlparse

import ovirtsdk4 as sdk
from ovirt_imageio import client
from ovirtsdk4 import types

URL, PASSWORD, CAFILE, FOLDER = sys.argv[1:5]
MIB = 1 << 20
SIZE = 64 * MIB

connection = sdk.Connection(
    url=URL + "/ovirt-engine/api",
    username="admin@internal",
    password=PASSWORD,
    ca_file=CAFILE,
)
system = connection.system_service()


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def wait_for(what, is_so, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        found = is_so()
        if found:
            return found
        time.sleep(0.1)
    raise RuntimeError("waited in vain for " + what)


def disk(name, fmt, sparse=True):
    disks = system.disks_service()
    made = disks.add(
        types.Disk(
            name=name,
            format=fmt,
            sparse=sparse,
            provisioned_size=SIZE,
            storage_domains=[types.StorageDomain(name="data")],
        )
    )
    service = disks.disk_service(made.id)
    wait_for(name, lambda: service.get().status == types.DiskStatus.OK)
    return made.id


class Transfer:
    """A transfer, as the SDK's examples make them."""

    def __init__(self, disk_id, direction, fmt=types.DiskFormat.RAW):
        self.disk = disk_id
        transfers = system.image_transfers_service()
        added = transfers.add(
            types.ImageTransfer(
                disk=types.Disk(id=disk_id),
                direction=direction,
                format=fmt,
                timeout_policy=types.ImageTransferTimeoutPolicy.LEGACY,
            )
        )
        self.service = transfers.image_transfer_service(added.id)
        wait_for("the transfer", lambda: self.phase() == "transferring")
        self.url = self.service.get().transfer_url

    def phase(self):
        return self.service.get().phase.value

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind is not None:
            self.service.cancel()
            return
        self.service.finalize()
        wait_for("the end", lambda: self.phase() == "finished_success")
        status = system.disks_service().disk_service(self.disk).get().status
        assert status == types.DiskStatus.OK, status

    def get(self, path):
        url = urlparse(self.url)
        context = ssl.create_default_context(cafile=CAFILE)
        con = http_client.HTTPSConnection(url.netloc, context=context)
        con.request("GET", url.path + path)
        answer = con.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body)
        con.close()
        return json.loads(body)


class Progress:
    """Counts what passed."""

    def __init__(self):
        self.size = None
        self.done = 0

    def update(self, count):
        self.done += count


def path(name):
    return os.path.join(FOLDER, name)


# An image with a little data in a large hole, in both formats.
with open(path("source.raw"), "wb") as f:
    f.truncate(SIZE)
    f.seek(3 * MIB)
    f.write(os.urandom(MIB))
    f.seek(40 * MIB)
    f.write(b"the end of it")
run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", path("source.raw"), path("source.qcow2"))
result = {}

for source in ("raw", "qcow2"):
    for target, fmt in (("raw", types.DiskFormat.RAW), ("cow", types.DiskFormat.COW)):
        name = source + "-to-" + target
        disk_id = disk(name, fmt)
        with Transfer(disk_id, types.ImageTransferDirection.UPLOAD) as up:
            progress = Progress()
            client.upload(path("source." + source), up.url, CAFILE, progress=progress)
            written = up.get("/extents?context=zero")
        assert progress.size == SIZE, progress.size
        for back in ("raw", "qcow2"):
            file = path(name + "." + back)
            with Transfer(disk_id, types.ImageTransferDirection.DOWNLOAD) as down:
                extents = down.get("/extents?context=zero")
                if back == "raw":
                    sums = down.get("/checksum")
                client.download(down.url, file, CAFILE, fmt=back)
            run("qemu-img", "compare", "-f", "raw", "-F", back, path("source.raw"), file)
        own = client.checksum(path("source.raw"))
        assert own == sums, (own, sums)
        data = sum(e["length"] for e in extents if not e["zero"])
        assert MIB <= data < 8 * MIB, extents
        assert sum(e["length"] for e in extents) == SIZE, extents
        assert sum(e["length"] for e in written if not e["zero"]) < 8 * MIB, written
        result[name] = {"data": data}

# The image itself, as qcow2, without conversion.
with Transfer(disk_id, types.ImageTransferDirection.DOWNLOAD, types.DiskFormat.COW) as down:
    url = urlparse(down.url)
    context = ssl.create_default_context(cafile=CAFILE)
    con = http_client.HTTPSConnection(url.netloc, context=context)
    con.request("GET", url.path)
    answer = con.getresponse()
    assert answer.status == 200, answer.status
    with open(path("whole.qcow2"), "wb") as f:
        f.write(answer.read())
    con.close()
run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", path("source.raw"), path("whole.qcow2"))

# An upload whose connection breaks, that is paused and resumed, and goes on where it was.
disk_id = disk("resumed", types.DiskFormat.RAW)
with Transfer(disk_id, types.ImageTransferDirection.UPLOAD) as up:
    with open(path("source.raw"), "rb") as f:
        content = f.read()

    def put(begin, end, announce=None):
        url = urlparse(up.url)
        context = ssl.create_default_context(cafile=CAFILE)
        con = http_client.HTTPSConnection(url.netloc, context=context)
        con.putrequest("PUT", url.path)
        con.putheader("content-length", str(announce or end - begin))
        con.putheader("content-range", "bytes %d-*/*" % begin)
        con.endheaders()
        con.send(content[begin:end])
        if announce:
            con.sock.shutdown(2)
            con.close()
            return None
        answer = con.getresponse()
        answer.read()
        con.close()
        return answer.status

    put(0, 8 * MIB, announce=SIZE)
    wait_for("what has come", lambda: up.service.get().transferred > 0)
    up.service.pause()
    wait_for("the pause", lambda: up.phase() == "paused_user")
    up.service.resume()
    wait_for("the resumption", lambda: up.phase() == "transferring")
    up.url = up.service.get().transfer_url
    there = up.get("/extents?context=zero")
    # The data at 3 MiB is there; the rest is sent again from there on.
    assert any(not e["zero"] and e["start"] <= 3 * MIB for e in there), there
    assert put(4 * MIB, SIZE) == 200
with Transfer(disk_id, types.ImageTransferDirection.DOWNLOAD) as down:
    client.download(down.url, path("resumed.raw"), CAFILE, fmt="raw")
run("qemu-img", "compare", "-f", "raw", "-F", "raw", path("source.raw"), path("resumed.raw"))
result["resumed"] = True

# A hostile image goes with its disk.
run("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd",
    path("hostile.qcow2"), "1M")
disk_id = disk("hostile", types.DiskFormat.COW)
hostile = Transfer(disk_id, types.ImageTransferDirection.UPLOAD, types.DiskFormat.COW)
url = urlparse(hostile.url)
con = http_client.HTTPSConnection(
    url.netloc, context=ssl.create_default_context(cafile=CAFILE))
with open(path("hostile.qcow2"), "rb") as f:
    con.request("PUT", url.path, body=f.read())
assert con.getresponse().status == 200
con.close()
hostile.service.finalize()
wait_for("the refusal", lambda: hostile.phase() == "finished_failure")
try:
    system.disks_service().disk_service(disk_id).get()
    raise AssertionError("the disk is still there")
except sdk.NotFoundError:
    result["hostile"] = "refused"

connection.close()
print(json.dumps(result))
