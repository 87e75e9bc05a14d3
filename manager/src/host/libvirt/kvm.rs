//! Tells working KVM from the kind that lies. That `/dev/kvm` is there, that libvirt lists it and
//! even that a halting guest halts proves nothing: a nested software KVM passes all that and then
//! runs a million instructions a second. So a guest is run: 16 MB, no disk, with the processor that
//! real guests get, and its firmware must say on the serial console that there is nothing to boot
//! from. How fast is judged by the same guest under QEMU's translator, run just before: a machine
//! under load is slow at both, and a KVM that is slower than translation several times over is the
//! kind that emulates every instruction.
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
/// A translated guest needs 0.2 s; whatever needs longer than this is stuck.
const LIMIT: Duration = Duration::from_secs(5);
/// Working KVM is about as fast as translation at this (most of it is QEMU's own start), and the
/// kind that lies ten times slower or worse.
const SLOWER_AT_MOST: u32 = 3;
/// Below this a ratio says nothing.
const AT_ONCE: Duration = Duration::from_millis(500);
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
    let translated = firmware_time(connection, uri, "qemu").or_else(|error| {
        // Without a measure of its own the limit alone decides.
        if error.is_transient() || !connection.is_alive().unwrap_or(false) {
            Err(error)
        } else {
            Ok(None)
        }
    })?;
    Ok(match firmware_time(connection, uri, "kvm") {
        Ok(time) => judge(time, translated, hint),
        Err(error) if error.is_transient() || !connection.is_alive().unwrap_or(false) => {
            return Err(error);
        }
        Err(error) => tcg(format!(
            "This host offers KVM, but it does not work: a test guest could not be started with it ({}).{hint} {WITHOUT}",
            brief(&error.to_string())
        )),
    })
}

/// What libvirt and QEMU say, without who says it where: of QEMU's last words the first error.
fn brief(error: &str) -> String {
    const LONGEST: usize = 120;
    let line = error.lines().next().unwrap_or_default();
    let told = line.rsplit("error: ").next().unwrap_or(line);
    told.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect()
}

/// What the times of the firmware under KVM and under translation mean; `None` is longer than
/// [`LIMIT`].
fn judge(kvm: Option<Duration>, translated: Option<Duration>, hint: &str) -> Acceleration {
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    let limit = translated.map_or(LIMIT, |time| (time * SLOWER_AT_MOST).max(AT_ONCE));
    match kvm {
        Some(time) if time <= limit => Acceleration {
            kind: AccelerationKind::Kvm,
            reason: format!(
                "KVM works: a test guest finished its firmware in {}.",
                seconds(time)
            ),
        },
        too_slow => Acceleration {
            kind: AccelerationKind::Tcg,
            reason: format!(
                "This host offers KVM, but it does not work: a test guest {}{}.{hint} {WITHOUT}",
                match too_slow {
                    Some(time) => format!("needed {} for its firmware", seconds(time)),
                    None => format!("did not finish its firmware within {} s", LIMIT.as_secs()),
                },
                translated.map_or_else(String::new, |time| format!(
                    ", which takes {} without KVM",
                    seconds(time)
                )),
            ),
        },
    }
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
        // What real guests get on a host with KVM: a software KVM may refuse it.
        .children((kind == "kvm").then(|| Element::new("cpu").attr("mode", "host-model")))
        .child(
            Element::new("devices")
                .child(Element::new("serial").attr("type", "pty"))
                .child(none("memballoon"))
                .child(none("controller").attr("type", "usb")),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(kvm_ms: Option<u64>, translated_ms: Option<u64>) -> AccelerationKind {
        let time = |ms: Option<u64>| ms.map(Duration::from_millis);
        judge(time(kvm_ms), time(translated_ms), "").kind
    }

    #[test]
    fn a_kvm_that_is_much_slower_than_translation_lies() {
        assert_eq!(kind(Some(2_500), Some(200)), AccelerationKind::Tcg);
        assert_eq!(kind(None, Some(200)), AccelerationKind::Tcg);
        assert_eq!(kind(None, None), AccelerationKind::Tcg);
    }

    #[test]
    fn a_busy_host_is_slow_at_both_and_its_kvm_still_works() {
        assert_eq!(kind(Some(60), Some(110)), AccelerationKind::Kvm);
        assert_eq!(kind(Some(2_500), Some(1_900)), AccelerationKind::Kvm);
        assert_eq!(kind(Some(450), Some(20)), AccelerationKind::Kvm);
    }

    #[test]
    fn of_qemus_last_words_the_first_error_is_told() {
        let said = "internal error: process exited: 2026Z qemu-system-x86_64: error: failed to set \
                    MSR 0x10a to 0x69\nqemu-system-x86_64: kvm.c: Assertion failed";
        assert_eq!(brief(said), "failed to set MSR 0x10a to 0x69");
        assert_eq!(brief("permission denied"), "permission denied");
    }

    #[test]
    fn the_reason_names_both_times() {
        let reason = judge(
            Some(Duration::from_millis(2_500)),
            Some(Duration::from_millis(200)),
            " The processor shows neither vmx nor svm.",
        )
        .reason;
        assert_eq!(
            reason,
            "This host offers KVM, but it does not work: a test guest needed 2.5 s for its \
             firmware, which takes 0.2 s without KVM. The processor shows neither vmx nor svm. \
             Guests run without hardware acceleration."
        );
    }
}
