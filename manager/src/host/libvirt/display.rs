//! A running guest's display: a way in, its password, a picture of it.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;
use virt::connect::Connect;
use virt::stream::Stream;
use virt_sys as sys;

use super::connection::failed;
use super::domain::{running, xml};
use super::domain_facts::{self, Facts};
use super::domain_xml::EXPIRED;
use super::events;
use crate::host::{DisplayPassword, GraphicsTarget, HostError};

/// How long a password made for one connection is good.
pub(super) const PASSWORD_VALIDITY: Duration = Duration::from_secs(30);
/// A picture of 16384 × 16384 would be larger; no guest has that.
const MAX_PICTURE: usize = 256 << 20;

/// A descriptor from a host on this machine.
pub(super) fn open_local(connection: &Connect, vm: Uuid) -> Result<OwnedFd, HostError> {
    let domain = running(connection, vm)?;
    let document = xml(&domain, 0)?;
    let index =
        domain_facts::devices(&document, "graphics").position(|g| g.get("type") == Some("spice"));
    let index = index
        .and_then(|i| u32::try_from(i).ok())
        .ok_or_else(|| no_display(vm))?;
    let fd = events::open_graphics(&domain, index).map_err(|e| failed(&e))?;
    // Programs that we start must not inherit a guest's display.
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC).map_err(|e| HostError::Failed {
        what: format!("the display's descriptor cannot be used: {e}"),
    })?;
    Ok(fd)
}

fn no_display(vm: Uuid) -> HostError {
    HostError::NotFound {
        what: format!("a SPICE display of domain {vm}"),
    }
}

/// Address and a fresh password of a host elsewhere.
pub(super) fn open_remote(connection: &Connect, vm: Uuid) -> Result<GraphicsTarget, HostError> {
    let domain = running(connection, vm)?;
    let spice = Facts::of(&xml(&domain, 0)?)
        .spice
        .ok_or_else(|| no_display(vm))?;
    let address = match spice.address.parse() {
        Ok(IpAddr::V4(address)) if address != Ipv4Addr::UNSPECIFIED => IpAddr::V4(address),
        Ok(IpAddr::V6(address)) if !address.is_unspecified() => IpAddr::V6(address),
        _ => {
            return Err(HostError::Unsupported {
                what: format!(
                    "the display of domain {vm} listens on {}, which cannot be connected to",
                    spice.address
                ),
            });
        }
    };
    let password = DisplayPassword::random()?;
    set_password(connection, vm, &password, Some(PASSWORD_VALIDITY))?;
    Ok(GraphicsTarget::Address {
        address,
        port: spice.port,
        tls_port: spice.tls_port,
        password,
    })
}

/// Sets the password, good for so long; `None` is one that has expired already.
pub(super) fn set_password(
    connection: &Connect,
    vm: Uuid,
    password: &DisplayPassword,
    valid: Option<Duration>,
) -> Result<(), HostError> {
    let domain = running(connection, vm)?;
    let document = xml(&domain, 0)?;
    let valid_to = valid.map_or_else(
        || EXPIRED.to_owned(),
        |valid| moment(SystemTime::now() + valid),
    );
    let spice = domain_facts::graphics(&document, "spice").map(|it| (it, password.reveal()));
    let vnc = domain_facts::graphics(&document, "vnc").map(|it| (it, password.for_vnc()));
    if spice.is_none() && vnc.is_none() {
        return Err(no_display(vm));
    }
    for (graphics, password) in spice.into_iter().chain(vnc) {
        let mut graphics = graphics.clone();
        graphics.set("passwd", password);
        graphics.set("passwdValidTo", valid_to.as_str());
        graphics.set("connected", "keep");
        domain
            .update_device_flags(&graphics.to_xml(), sys::VIR_DOMAIN_DEVICE_MODIFY_LIVE)
            .map_err(|e| failed(&e))?;
    }
    Ok(())
}

/// As `passwdValidTo` is written.
fn moment(time: SystemTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    OffsetDateTime::from(time)
        .format(&format)
        .unwrap_or_else(|_| EXPIRED.to_owned())
}

/// The first screen as PNG.
pub(super) fn screenshot(connection: &Connect, vm: Uuid) -> Result<Vec<u8>, HostError> {
    let domain = running(connection, vm)?;
    let stream = Stream::new(connection, 0).map_err(|e| failed(&e))?;
    domain.screenshot(&stream, 0, 0).map_err(|e| failed(&e))?;
    let mut picture = Vec::new();
    let mut buffer = vec![0u8; 64 << 10];
    loop {
        let count = stream.recv(&mut buffer).map_err(|e| failed(&e))?;
        match usize::try_from(count) {
            Ok(0) => break,
            Ok(count) => picture.extend_from_slice(&buffer[..count.min(buffer.len())]),
            Err(_) => {
                return Err(HostError::Failed {
                    what: "the screenshot cannot be read".to_owned(),
                });
            }
        }
        if picture.len() > MAX_PICTURE {
            let _ = stream.abort();
            return Err(HostError::Failed {
                what: "the screenshot is too large".to_owned(),
            });
        }
    }
    stream.finish().map_err(|e| failed(&e))?;
    if picture.starts_with(b"\x89PNG\r\n\x1a\n") {
        Ok(picture)
    } else {
        png_of_ppm(&picture)
    }
}

/// Older QEMU gives a PPM (`P6`, binary, 8 bits per sample).
fn png_of_ppm(ppm: &[u8]) -> Result<Vec<u8>, HostError> {
    let bad = || HostError::Failed {
        what: "the screenshot is in an unknown format".to_owned(),
    };
    let mut at = 2;
    if !ppm.starts_with(b"P6") {
        return Err(bad());
    }
    let mut number = || -> Option<u32> {
        loop {
            match ppm.get(at)? {
                b'#' => at += ppm[at..].iter().position(|b| *b == b'\n')?,
                b if b.is_ascii_whitespace() => at += 1,
                _ => break,
            }
        }
        let digits = ppm[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let value = std::str::from_utf8(&ppm[at..at + digits])
            .ok()?
            .parse()
            .ok();
        at += digits;
        value
    };
    let (Some(width), Some(height), Some(255)) = (number(), number(), number()) else {
        return Err(bad());
    };
    // Exactly one white space stands between the header and the samples.
    let samples = ppm.get(at + 1..).ok_or_else(bad)?;
    let length = u128::from(width) * u128::from(height) * 3;
    if width == 0 || height == 0 || length != samples.len() as u128 {
        return Err(bad());
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(samples))
        .map_err(|e| HostError::Failed {
            what: format!("the screenshot cannot be written as PNG: {e}"),
        })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ppm_becomes_a_png_with_the_same_pixels() {
        let ppm = b"P6\n# made by hand\n2 1\n255\n\x01\x02\x03\xff\xfe\xfd";
        let png = png_of_ppm(ppm).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((frame.width, frame.height), (2, 1));
        assert_eq!(pixels, [1, 2, 3, 255, 254, 253]);
    }

    #[test]
    fn a_ppm_that_lies_about_its_size_is_refused() {
        for ppm in [
            &b"P6 4000000000 4000000000 255\n\x00"[..],
            b"P6 2 1 255\n123",
            b"P6 0 0 255\n",
            b"P6",
            b"P5 1 1 255\n123",
            b"P6 1 1 65535\n123456",
            b"",
        ] {
            assert!(png_of_ppm(ppm).is_err());
        }
    }

    #[test]
    fn the_moment_of_expiry_is_in_utc() {
        assert_eq!(
            moment(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
            "2023-11-14T22:13:20"
        );
    }
}
