//! What a file is, by its beginning: what can be used, or why not, before anything is sent.

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// Goes into a CD drive.
    Iso,
    /// A disk that takes only the space it needs; the guest sees this many bytes.
    Qcow2(u64),
    /// A disk as it is.
    Raw,
    /// A VMware disk, which the server converts; the guest sees this many bytes.
    Vmdk(u64),
    /// A machine in an archive, which the server takes apart.
    Ova,
}

/// Says what a file is by its beginning, or why it cannot be used.
pub fn inspect(name: &str, size: u64, head: &[u8]) -> Result<Image, &'static str> {
    let name = name.to_lowercase();
    if size == 0 {
        return Err("The file is empty.");
    }
    if head.get(32_769..32_774) == Some(b"CD001".as_slice()) {
        return Ok(Image::Iso);
    }
    if head.starts_with(b"QFI\xfb") {
        let number = |range: std::ops::Range<usize>| {
            head.get(range).map(|bytes| {
                bytes
                    .iter()
                    .fold(0u64, |number, byte| number << 8 | u64::from(*byte))
            })
        };
        let (Some(version), Some(backing), Some(virtual_size)) =
            (number(4..8), number(8..16), number(24..32))
        else {
            return Err("The qcow2 file is cut off in its header.");
        };
        if !(2..=3).contains(&version) {
            return Err("This version of qcow2 is not known.");
        }
        if backing != 0 {
            return Err(
                "The image needs another file beneath it. Convert it to one complete file first: qemu-img convert -O qcow2.",
            );
        }
        return if virtual_size == 0 {
            Err("The qcow2 file holds a disk of no size.")
        } else {
            Ok(Image::Qcow2(virtual_size))
        };
    }
    if head.starts_with(b"KDMV") {
        let sectors = head.get(12..20).map(|bytes| {
            bytes
                .iter()
                .rev()
                .fold(0u64, |number, byte| number << 8 | u64::from(*byte))
        });
        return match sectors.and_then(|sectors| sectors.checked_mul(512)) {
            Some(size) if size > 0 => Ok(Image::Vmdk(size)),
            _ => Err("The VMware disk is cut off in its header."),
        };
    }
    if head.starts_with(b"# Disk DescriptorFile") {
        return Err("This only describes a VMware disk. Choose the file that it names.");
    }
    if head.get(257..262) == Some(b"ustar".as_slice()) {
        return if name.ends_with(".ova") {
            Ok(Image::Ova)
        } else {
            Err("This is an archive. Unpack it first; a machine's archive is called .ova.")
        };
    }
    if head.starts_with(b"conectix")
        || head.starts_with(b"vhdxfile")
        || head.get(64..68) == Some(&[0x7f, 0x10, 0xda, 0xbe])
    {
        return Err(
            "This is a disk of another hypervisor. Convert it first: qemu-img convert -O qcow2.",
        );
    }
    if head.starts_with(&[0x1f, 0x8b])
        || head.starts_with(b"\xfd7zXZ")
        || head.starts_with(b"PK\x03\x04")
        || head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
    {
        return Err("The file is compressed. Unpack it first.");
    }
    if name.ends_with(".qcow2") {
        return Err("Its name says qcow2, its content does not.");
    }
    if name.ends_with(".iso") {
        return Err("Its name says ISO, its content does not.");
    }
    if !size.is_multiple_of(512) {
        return Err("A raw disk consists of whole sectors of 512 bytes; this file does not.");
    }
    Ok(Image::Raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qcow2(version: u32, backing: u64, size: u64) -> Vec<u8> {
        let mut head = b"QFI\xfb".to_vec();
        head.extend(version.to_be_bytes());
        head.extend(backing.to_be_bytes());
        head.extend(0u32.to_be_bytes());
        head.extend(16u32.to_be_bytes());
        head.extend(size.to_be_bytes());
        head.resize(512, 0);
        head
    }

    #[test]
    fn a_file_is_what_its_content_says_not_its_name() {
        assert_eq!(
            inspect("disk.img", 1 << 20, &qcow2(3, 0, 20 << 30)),
            Ok(Image::Qcow2(20 << 30))
        );
        let mut iso = vec![0; 33 * 1024];
        iso[32_769..32_774].copy_from_slice(b"CD001");
        assert_eq!(inspect("whatever", 1 << 20, &iso), Ok(Image::Iso));
        assert_eq!(inspect("disk.raw", 1 << 20, &[0; 512]), Ok(Image::Raw));
    }

    #[test]
    fn what_others_made_is_taken_for_what_it_is() {
        let mut vmdk = b"KDMV\x01\0\0\0\0\0\0\0".to_vec();
        vmdk.extend(2048u64.to_le_bytes());
        assert_eq!(inspect("a.vmdk", 4096, &vmdk), Ok(Image::Vmdk(1 << 20)));
        let mut archive = vec![0; 512];
        archive[257..262].copy_from_slice(b"ustar");
        assert_eq!(inspect("a.OVA", 4096, &archive), Ok(Image::Ova));
        assert!(inspect("a.tar", 4096, &archive).is_err());
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason_before_anything_is_sent() {
        for (name, size, head, word) in [
            ("a.qcow2", 100, qcow2(3, 104, 1 << 30), "another file"),
            ("a.qcow2", 100, qcow2(9, 0, 1 << 30), "version"),
            ("a.qcow2", 100, b"QFI\xfb\0\0".to_vec(), "cut off"),
            ("a.qcow2", 1024, vec![0; 1024], "name says qcow2"),
            ("a.iso", 1024, vec![0; 1024], "name says ISO"),
            ("a.img", 1000, vec![0; 1000], "sectors"),
            ("a.vmdk", 1024, b"KDMV".to_vec(), "cut off"),
            (
                "a.vmdk",
                1024,
                b"# Disk DescriptorFile".to_vec(),
                "describes",
            ),
            ("a.img.gz", 1024, vec![0x1f, 0x8b], "compressed"),
            ("a.img", 0, vec![], "empty"),
        ] {
            let why = inspect(name, size, &head).unwrap_err();
            assert!(why.contains(word), "{name}: {why}");
        }
    }
}
