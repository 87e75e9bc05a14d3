//! Tells working KVM from the kind that lies. That `/dev/kvm` is there, that libvirt lists it and
//! even that a halting guest halts proves nothing: a nested software KVM passes all that and then
//! runs a million instructions a second. So a guest is run: 16 MB, no disk, and its firmware must
//! have said on the serial console that there is nothing to boot from, within 3 s. (Translation
//! alone needs 0.2 s for that.)
//!
//! When to ask, and remembering the answer, is left to `report`.

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use uuid::Uuid;
use virt::connect::Connect;
use virt::stream::Stream;
use virt_sys as sys;

use super::connection::failed;
use super::xml::Element;
use crate::host::{Acceleration, AccelerationKind, HostError};

/// Names of probes begin so; they are nobody's VM, and their events are not reported.
pub(super) const PROBE_NAME: &str = "saffron-probe-";
const LIMIT: Duration = Duration::from_secs(3);
/// From "No bootable device" and "not a bootable disk" alike.
const DONE: &[u8] = b"ootable d";
const MAX_OUTPUT: usize = 64 << 10;
const WITHOUT: &str = "Guests run without hardware acceleration.";

/// Runs the probe and judges. `hint` is what else is known about the processor.
pub(super) fn verdict(
    connection: &Connect,
    uri: &str,
    hint: &str,
) -> Result<Acceleration, HostError> {
    let offered = Element::parse(&connection.capabilities().map_err(|e| failed(&e))?)?
        .all("guest")
        .filter_map(|guest| guest.find("arch"))
        .any(|arch| {
            arch.get("name") == Some("x86_64")
                && arch.all("domain").any(|d| d.get("type") == Some("kvm"))
        });
    let tcg = |reason: String| Acceleration {
        kind: AccelerationKind::Tcg,
        reason,
    };
    if !offered {
        return Ok(tcg(format!(
            "This host offers no KVM: /dev/kvm is missing or QEMU may not use it. {WITHOUT}"
        )));
    }
    Ok(match firmware_time(connection, uri, "kvm") {
        Ok(Some(time)) => Acceleration {
            kind: AccelerationKind::Kvm,
            reason: format!(
                "KVM works: a test guest finished its firmware in {:.1} s.",
                time.as_secs_f64()
            ),
        },
        Ok(None) => tcg(format!(
            "This host offers KVM, but it does not work: a test guest did not finish its firmware within {} s.{hint} \
             {WITHOUT}",
            LIMIT.as_secs()
        )),
        Err(error) if error.is_transient() || !connection.is_alive().unwrap_or(false) => {
            return Err(error);
        }
        Err(error) => tcg(format!(
            "This host offers KVM, but a test guest could not be started: {error}. {WITHOUT}"
        )),
    })
}

/// How long a guest's firmware takes to find nothing to boot; `None` when that is too long.
fn firmware_time(
    connection: &Connect,
    uri: &str,
    kind: &str,
) -> Result<Option<Duration>, HostError> {
    let xml = probe(kind, Uuid::new_v4()).to_xml();
    // A probe must not outlive us: it ends with the connection.
    let domain = connection
        .create_domain_xml(&xml, sys::VIR_DOMAIN_START_AUTODESTROY)
        .map_err(|e| failed(&e))?;
    let begin = Instant::now();
    // The reader gets a connection of its own, because two threads must not wait on one.
    let stream = Connect::open(Some(uri))
        .and_then(|console| {
            let stream = Stream::new(&console, 0)?;
            let domain = console.lookup_domain_by_uuid(domain.uuid()?)?;
            domain.open_console(None, &stream, 0)?;
            Ok(stream)
        })
        .map_err(|e| failed(&e));
    let result = stream.map(|stream| wait_for_firmware(stream, begin));
    // Ends the reader too: its stream is at its end when the guest is.
    let _ = domain.destroy();
    result
}

/// Reads the console on a thread of its own, because reading waits for as long as the guest is
/// silent: a stream that does not wait needs the event loop and delivers late.
fn wait_for_firmware(stream: Stream, begin: Instant) -> Option<Duration> {
    let (found, answer) = sync_channel(1);
    let reader = std::thread::Builder::new()
        .name("host-probe".to_owned())
        .spawn(move || {
            let (mut seen, mut buffer) = (Vec::new(), [0u8; 1024]);
            while let Ok(count) = stream.recv(&mut buffer) {
                let count = usize::try_from(count).unwrap_or(0);
                seen.extend_from_slice(&buffer[..count.min(buffer.len())]);
                if seen.windows(DONE.len()).any(|w| w == DONE) {
                    let _ = found.send(begin.elapsed());
                    break;
                }
                if count == 0 || seen.len() > MAX_OUTPUT {
                    break;
                }
            }
            let _ = stream.abort();
        });
    reader.ok()?;
    answer
        .recv_timeout(LIMIT.saturating_sub(begin.elapsed()))
        .ok()
}

fn probe(kind: &str, id: Uuid) -> Element {
    let none = |name: &'static str| Element::new(name).attr("model", "none");
    Element::new("domain")
        .attr("type", kind)
        .child(Element::new("name").text(format!("{PROBE_NAME}{id}")))
        .child(Element::new("uuid").text(id.to_string()))
        .child(Element::new("memory").attr("unit", "MiB").text("16"))
        .child(Element::new("vcpu").text("1"))
        .child(
            Element::new("os")
                .child(
                    Element::new("type")
                        .attr("arch", "x86_64")
                        .attr("machine", "pc")
                        .text("hvm"),
                )
                .child(Element::new("bios").attr("useserial", "yes")),
        )
        .child(Element::new("features").child(Element::new("acpi")))
        .child(
            Element::new("devices")
                .child(Element::new("serial").attr("type", "pty"))
                .child(none("memballoon"))
                .child(none("controller").attr("type", "usb")),
        )
}
