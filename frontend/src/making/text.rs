//! A new machine as text: YAML for reading, commands for a shell. Says what the
//! requests say; passwords are left out.

use super::{NewVm, Source};
use crate::format::bytes;
use crate::store::Id;
use serde_json::Value;

impl NewVm {
    /// The requests as commands for a shell.
    #[must_use]
    pub fn curl(&self) -> String {
        let mut out = String::new();
        for (place, step) in self.steps(false).iter().enumerate() {
            if place > 0 {
                out.push_str("\n\n");
            }
            if step.path.ends_with("/start") {
                out.push_str("# when its disks are \"ok\":\n");
            }
            out.push_str("curl --cacert ca.pem -X ");
            out.push_str(step.method);
            out.push_str(" \"$ENGINE/ovirt-engine/api");
            out.push_str(&step.path.replace("{vm}", "$VM"));
            out.push_str("\" \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  -H \"Content-Type: application/json\" -H \"Accept: application/json\" \\\n  -d '");
            // In single quotes a shell takes everything as it is but the quote.
            out.push_str(
                &serde_json::to_string_pretty(&step.body)
                    .unwrap_or_default()
                    .replace('\'', "'\\''"),
            );
            out.push('\'');
            if place == 0 {
                out.push_str("\n# its id, from the answer: VM=…");
            }
        }
        out
    }

    /// The machine as YAML; `name_of` gives names for ids.
    #[must_use]
    pub fn yaml(&self, name_of: impl Fn(&Id) -> String) -> String {
        let mut out = String::from("kind: Vm\n");
        let mut line = |key: &str, value: &str| {
            out.push_str(key);
            out.push_str(": ");
            out.push_str(&scalar(value));
            out.push('\n');
        };
        line("name", self.name.trim());
        if !self.description.is_empty() {
            line("description", &self.description);
        }
        if let Some(cluster) = &self.cluster {
            line("cluster", &name_of(cluster));
        }
        if let (Source::Template, Some(template)) = (self.source, &self.template) {
            line("template", &name_of(template));
            line(
                "disks",
                if self.clone {
                    "copied"
                } else {
                    "on the template's"
                },
            );
            if self.latest {
                line("version", "latest");
            }
        }
        if let Some(instance_type) = &self.instance_type {
            line("size", &name_of(instance_type));
        }
        if self.vcpus > 0 {
            line("cpus", &self.vcpus.to_string());
        }
        if self.memory > 0 {
            line("memory", &bytes(self.memory));
        }
        if !self.os.is_empty() {
            line("os", &self.os);
        }
        if !self.firmware.is_empty() {
            line("firmware", &self.firmware);
        }
        if let (Source::Installer, Some(iso)) = (self.source, &self.iso) {
            line("cd", &name_of(iso));
        }
        if self.needs_disk() {
            out.push_str("disks:\n  - size: ");
            out.push_str(&bytes(self.disk));
            if let Some(domain) = &self.domain {
                out.push_str("\n    domain: ");
                out.push_str(&scalar(&name_of(domain)));
            }
            out.push_str("\n    thin: true\n    bootable: true\n");
        } else if let (Source::Image, Some(image)) = (self.source, &self.image) {
            out.push_str("disks:\n  - existing: ");
            out.push_str(&scalar(&name_of(image)));
            out.push_str("\n    bootable: true\n");
        }
        if let Some(profile) = &self.profile {
            out.push_str("nics:\n  - profile: ");
            out.push_str(&scalar(&name_of(profile)));
            out.push('\n');
        }
        if self.first_boot.on {
            out.push_str("first_boot: |\n");
            for line in self.first_boot.cloud_config().lines() {
                out.push_str("  ");
                out.push_str(line);
                out.push('\n');
            }
        }
        out.push_str(if self.start {
            "start: true\n"
        } else {
            "start: false\n"
        });
        out
    }
}

/// A value as YAML takes it without surprises.
pub fn scalar(value: &str) -> String {
    let plain = !value.is_empty()
        && value
            .chars()
            .all(|c| c.is_alphanumeric() || " ._-+/".contains(c))
        && value.starts_with(|c: char| c.is_alphanumeric())
        && !value.ends_with(' ')
        && !["true", "false", "null", "yes", "no", "on", "off"]
            .contains(&value.to_lowercase().as_str());
    if plain {
        value.to_owned()
    } else {
        Value::String(value.to_owned()).to_string()
    }
}
