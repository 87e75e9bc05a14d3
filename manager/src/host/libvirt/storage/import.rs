//! Images from outside become volumes: looked at first, then converted by qemu-img, which is told
//! every format and never finds one out.

use std::fs::File;

use super::files::digest_matches;
use super::{COPY, Images, MAX_VIRTUAL_BYTES, Part, Run, blocking, refused, size};
use crate::host::work::{Content, OvaFile};
use crate::host::{HostError, VolumeFormat, VolumeInfo, VolumeSpec};
use crate::image::{self, ImageFormat, Limits, Window};

/// How many times its own length an image's content may have, once it is unpacked.
const MOST_UNPACKED: u64 = 100;
/// What an image's tables may take besides.
const TABLES: u64 = 64 << 20;

impl Images {
    /// Makes a volume with the content of an image from outside.
    pub async fn import(
        &self,
        content: &Content,
        spec: &VolumeSpec,
    ) -> Result<VolumeInfo, HostError> {
        if let Some(info) = self.info(spec.volume, spec.format)? {
            return Ok(info);
        }
        let wanted = size(spec.virtual_bytes)?;
        let (images, looked_at) = (self.clone(), content.clone());
        let (length, virtual_bytes) = blocking(move || images.judge(&looked_at, wanted)).await?;
        let part = Part::new(self, spec.volume.storage_domain, spec.volume.volume)?;
        let node = self.declared_content(content, length)?;
        let options = format!(
            "preallocation={}",
            if spec.sparse { "off" } else { "falloc" }
        );
        let arguments = [
            "convert",
            "-q",
            "-O",
            spec.format.as_str(),
            "-o",
            &options,
            "--",
            &node,
        ];
        let target = part.path();
        let making = self.making(spec.volume);
        // A few bytes that unpack to a full disk are refused by what may be written.
        let most = length
            .saturating_mul(MOST_UNPACKED)
            .min(virtual_bytes + virtual_bytes / 32);
        let run = Run {
            paths: &[&target],
            file_bytes: (spec.format == VolumeFormat::Qcow2).then(|| most.saturating_add(TABLES)),
            progress: Some(&|done| making.say(done)),
            ..Run::new(&arguments, COPY)
        };
        making.or_stopped(run.go()).await?;
        if wanted > virtual_bytes {
            super::resize_file(&target, spec.format, wanted).await?;
        }
        let volume = spec.volume;
        blocking(move || part.finish(volume)).await?;
        self.must_be(spec.volume, spec.format)
    }

    /// Reads the header, and all of it where it must be what a manifest says. Gives the image's
    /// length and the size that a guest sees.
    fn judge(&self, content: &Content, most: u64) -> Result<(u64, u64), HostError> {
        let file = self.outside(&content.file)?;
        let file_bytes = file
            .metadata()
            .map_err(|e| super::io(&e, "an image"))?
            .len();
        let length = match content.bytes {
            Some(bytes) => bytes,
            None => file_bytes.saturating_sub(content.offset),
        };
        let inside = content
            .offset
            .checked_add(length)
            .is_some_and(|end| end <= file_bytes);
        if !inside || !content.offset.is_multiple_of(512) {
            return Err(HostError::Failed {
                what: "the image ends early".to_owned(),
            });
        }
        let limits = Limits {
            virtual_bytes: MAX_VIRTUAL_BYTES,
            ..Limits::default()
        };
        let mut part = Window::new(&file, content.offset, length);
        let facts = image::inspect(content.format, &mut part, &limits).map_err(|e| refused(&e))?;
        if facts.virtual_bytes > most {
            return Err(HostError::Failed {
                what: format!(
                    "the image is {} bytes large, and its disk {most}",
                    facts.virtual_bytes
                ),
            });
        }
        if let Some(digest) = &content.digest {
            let mut part = Window::new(&file, content.offset, length);
            if !digest_matches(digest, &mut part)? {
                return Err(HostError::Failed {
                    what: "the image is not what its archive's manifest says".to_owned(),
                });
            }
        }
        Ok((length, facts.virtual_bytes))
    }

    /// Opens a file from outside.
    pub(super) fn outside(&self, file: &OvaFile) -> Result<File, HostError> {
        match file {
            OvaFile::Volume {
                storage_domain,
                volume,
            } => self.open(
                crate::host::VolumeRef {
                    storage_domain: *storage_domain,
                    volume: *volume,
                },
                crate::host::VolumeAccess::Read,
            ),
            OvaFile::Folder { name } => self.open_ova(name),
        }
    }

    /// An image for qemu-img, with every driver said.
    fn declared_content(&self, content: &Content, length: u64) -> Result<String, HostError> {
        let path = match &content.file {
            OvaFile::Volume {
                storage_domain,
                volume,
            } => self
                .root
                .join(storage_domain.to_string())
                .join(volume.to_string()),
            OvaFile::Folder { name } => self.ova_path(name)?,
        };
        let path = path.to_str().ok_or_else(|| HostError::Invalid {
            field: "images directory",
            reason: "must have a name in UTF-8".to_owned(),
        })?;
        let file = serde_json::json!({ "driver": "file", "filename": path });
        let whole = content.offset == 0 && content.bytes.is_none();
        let part = if whole {
            file
        } else {
            // What an archive has is padded to this.
            serde_json::json!({
                "driver": "raw",
                "offset": content.offset,
                "size": length.next_multiple_of(512),
                "file": file,
            })
        };
        let node = match content.format {
            ImageFormat::Raw | ImageFormat::Iso if !whole => part,
            ImageFormat::Raw | ImageFormat::Iso => {
                serde_json::json!({ "driver": "raw", "file": part })
            }
            ImageFormat::Qcow2 => {
                serde_json::json!({ "driver": "qcow2", "file": part, "backing": null })
            }
            ImageFormat::Vmdk => {
                serde_json::json!({ "driver": "vmdk", "file": part, "backing": null })
            }
        };
        Ok(format!("json:{node}"))
    }
}
