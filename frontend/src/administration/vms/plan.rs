//! A new machine as its form has it, and the requests that make it: the same
//! data is what the dialog shows as YAML, as calls, and what is sent. Pure.

use crate::format::{GIB, MIB, bytes};
use crate::store::Id;
use serde_json::{Map, Value, json};

/// What it boots from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// An installer in its CD drive, and an empty disk.
    #[default]
    Installer,
    /// A disk image that is already here.
    Image,
    /// Nothing yet: an empty disk.
    Nothing,
}

/// A size people choose by its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// S, M, L.
    pub letter: &'static str,
    /// Its word.
    pub word: &'static str,
    /// Processors.
    pub vcpus: u64,
    /// In bytes.
    pub memory: u64,
}

/// The sizes to choose from.
pub const SIZES: [Size; 3] = [
    Size {
        letter: "S",
        word: "Small",
        vcpus: 1,
        memory: 2 * GIB,
    },
    Size {
        letter: "M",
        word: "Medium",
        vcpus: 2,
        memory: 4 * GIB,
    },
    Size {
        letter: "L",
        word: "Large",
        vcpus: 4,
        memory: 8 * GIB,
    },
];

/// A machine that is not there yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewVm {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it boots from.
    pub source: Source,
    /// The ISO of an installer.
    pub iso: Option<Id>,
    /// The disk that is already here.
    pub image: Option<Id>,
    /// Processors.
    pub vcpus: u64,
    /// In bytes.
    pub memory: u64,
    /// Where it may run.
    pub cluster: Option<Id>,
    /// Made from; Blank.
    pub template: Option<Id>,
    /// The API's `os.type`.
    pub os: String,
    /// The API's `bios.type`; empty for the cluster's.
    pub firmware: String,
    /// Size of its new disk in bytes; 0 for none.
    pub disk: u64,
    /// Where the new disk is.
    pub domain: Option<Id>,
    /// Where its network interface leads; none for no interface.
    pub profile: Option<Id>,
    /// Start it when it is ready.
    pub start: bool,
}

/// A request of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it does, for the task bar.
    pub words: &'static str,
    /// HTTP's method.
    pub method: &'static str,
    /// After `/ovirt-engine/api`; `{vm}` is the machine's id.
    pub path: &'static str,
    /// What is sent.
    pub body: Value,
}

/// Why a name will not do.
#[must_use]
pub fn objection_to_name(name: &str, taken: impl Fn(&str) -> bool) -> Option<&'static str> {
    let name = name.trim();
    if name.is_empty() {
        Some("It needs a name.")
    } else if name.chars().count() > 255 {
        Some("At most 255 characters.")
    } else if !name
        .chars()
        .all(|c| c.is_alphanumeric() || "._-+".contains(c))
    {
        Some("Letters, digits, and . _ - + only.")
    } else if taken(name) {
        Some("There is already a machine of this name.")
    } else {
        None
    }
}

impl NewVm {
    /// Why it cannot be made yet.
    #[must_use]
    pub fn objection(&self, taken: impl Fn(&str) -> bool) -> Option<&'static str> {
        if self.source == Source::Installer && self.iso.is_none() {
            return Some("Choose the ISO to install from.");
        }
        if self.source == Source::Image && self.image.is_none() {
            return Some("Choose the disk to boot from.");
        }
        if self.memory < 32 * MIB {
            return Some("It needs at least 32 MiB of memory.");
        }
        if self.vcpus == 0 || self.vcpus > 512 {
            return Some("It needs between 1 and 512 processors.");
        }
        if self.cluster.is_none() {
            return Some("There is no cluster it could run in.");
        }
        if self.needs_disk() && self.domain.is_none() {
            return Some("There is no storage domain for its disk.");
        }
        objection_to_name(&self.name, taken)
    }

    fn needs_disk(&self) -> bool {
        self.source != Source::Image && self.disk > 0
    }

    /// The machine itself.
    #[must_use]
    pub fn vm_body(&self) -> Value {
        let mut body = Map::new();
        body.insert("name".into(), json!(self.name.trim()));
        if !self.description.is_empty() {
            body.insert("description".into(), json!(self.description));
        }
        if let Some(cluster) = &self.cluster {
            body.insert("cluster".into(), json!({ "id": **cluster }));
        }
        match &self.template {
            Some(template) => body.insert("template".into(), json!({ "id": **template })),
            None => body.insert("template".into(), json!({ "name": "Blank" })),
        };
        body.insert("memory".into(), json!(self.memory));
        body.insert(
            "memory_policy".into(),
            json!({ "guaranteed": self.memory, "max": self.memory.saturating_mul(4) }),
        );
        body.insert(
            "cpu".into(),
            json!({ "topology": { "sockets": self.vcpus, "cores": 1, "threads": 1 } }),
        );
        let boot = match self.source {
            // The disk first: once the system is installed, it boots from there by itself.
            Source::Installer => json!(["hd", "cdrom"]),
            Source::Image => json!(["hd"]),
            Source::Nothing => json!(["hd", "cdrom"]),
        };
        body.insert(
            "os".into(),
            json!({ "type": self.os, "boot": { "devices": { "device": boot } } }),
        );
        if !self.firmware.is_empty() {
            body.insert("bios".into(), json!({ "type": self.firmware }));
        }
        Value::Object(body)
    }

    /// Every request, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step {
            words: "making the machine",
            method: "POST",
            path: "/vms",
            body: self.vm_body(),
        }];
        if let (Source::Image, Some(image)) = (self.source, &self.image) {
            let body = json!({ "bootable": "true", "interface": "virtio", "active": "true", "disk": { "id": **image } });
            steps.push(Step {
                words: "attaching its disk",
                method: "POST",
                path: "/vms/{vm}/diskattachments",
                body,
            });
        }
        if let Some(profile) = &self.profile {
            let body = json!({ "name": "nic1", "interface": "virtio", "vnic_profile": { "id": **profile } });
            steps.push(Step {
                words: "adding its network interface",
                method: "POST",
                path: "/vms/{vm}/nics",
                body,
            });
        }
        if let (Source::Installer, Some(iso)) = (self.source, &self.iso) {
            let body = json!({ "file": { "id": **iso } });
            steps.push(Step {
                words: "putting the ISO into its drive",
                method: "PUT",
                path: "/vms/{vm}/cdroms/00000000-0000-0000-0000-000000000000",
                body,
            });
        }
        // After all that is done at once: while its disk is being made, nothing else of the machine
        // can be changed.
        if self.needs_disk() {
            let name = [self.name.trim(), "_Disk1"].concat();
            let mut disk = json!({
                "name": name, "format": "cow", "sparse": "true", "provisioned_size": self.disk,
            });
            if let Some(domain) = &self.domain {
                disk["storage_domains"] = json!({ "storage_domain": [{ "id": **domain }] });
            }
            let body = json!({ "bootable": "true", "interface": "virtio", "active": "true", "disk": disk });
            steps.push(Step {
                words: "making its disk",
                method: "POST",
                path: "/vms/{vm}/diskattachments",
                body,
            });
        }
        if self.start {
            steps.push(Step {
                words: "starting it",
                method: "POST",
                path: "/vms/{vm}/start",
                body: json!({}),
            });
        }
        steps
    }

    /// The requests as commands for a shell.
    #[must_use]
    pub fn curl(&self) -> String {
        let mut out = String::new();
        for (place, step) in self.steps().iter().enumerate() {
            if place > 0 {
                out.push_str("\n\n");
            }
            if step.path.ends_with("/start") {
                out.push_str("# when the disk is \"ok\":\n");
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
        line("cpus", &self.vcpus.to_string());
        line("memory", &bytes(self.memory));
        line("os", &self.os);
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
        out.push_str(if self.start {
            "start: true\n"
        } else {
            "start: false\n"
        });
        out
    }
}

/// A value as YAML takes it without surprises.
fn scalar(value: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn installer() -> NewVm {
        NewVm {
            name: "billing-report".into(),
            iso: Some("iso-1".into()),
            vcpus: 2,
            memory: 4 * GIB,
            cluster: Some("c-1".into()),
            template: Some("t-0".into()),
            os: "other_linux".into(),
            disk: 20 * GIB,
            domain: Some("d-1".into()),
            profile: Some("p-1".into()),
            start: true,
            ..NewVm::default()
        }
    }

    #[test]
    fn an_installer_gets_a_disk_an_interface_its_iso_and_is_started() {
        let steps = installer().steps();
        let paths: Vec<_> = steps.iter().map(|step| (step.method, step.path)).collect();
        assert_eq!(
            paths,
            [
                ("POST", "/vms"),
                ("POST", "/vms/{vm}/nics"),
                (
                    "PUT",
                    "/vms/{vm}/cdroms/00000000-0000-0000-0000-000000000000"
                ),
                ("POST", "/vms/{vm}/diskattachments"),
                ("POST", "/vms/{vm}/start"),
            ]
        );
        assert_eq!(steps[0].body["memory"], 4 * GIB);
        assert_eq!(
            steps[0].body["os"]["boot"]["devices"]["device"],
            json!(["hd", "cdrom"])
        );
        assert_eq!(steps[2].body["file"]["id"], "iso-1");
        assert_eq!(steps[3].body["disk"]["provisioned_size"], 20 * GIB);
    }

    #[test]
    fn an_existing_image_is_attached_and_no_disk_is_made() {
        let plan = NewVm {
            source: Source::Image,
            image: Some("img".into()),
            start: false,
            profile: None,
            ..installer()
        };
        let steps = plan.steps();
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[1].body["disk"], json!({"id": "img"}));
    }

    #[test]
    fn what_is_missing_is_said() {
        let free = |_: &str| false;
        assert_eq!(installer().objection(free), None);
        for (plan, words) in [
            (
                NewVm {
                    iso: None,
                    ..installer()
                },
                "Choose the ISO to install from.",
            ),
            (
                NewVm {
                    source: Source::Image,
                    ..installer()
                },
                "Choose the disk to boot from.",
            ),
            (
                NewVm {
                    name: " ".into(),
                    ..installer()
                },
                "It needs a name.",
            ),
            (
                NewVm {
                    name: "a b".into(),
                    ..installer()
                },
                "Letters, digits, and . _ - + only.",
            ),
            (
                NewVm {
                    memory: 1,
                    ..installer()
                },
                "It needs at least 32 MiB of memory.",
            ),
            (
                NewVm {
                    domain: None,
                    ..installer()
                },
                "There is no storage domain for its disk.",
            ),
        ] {
            assert_eq!(plan.objection(free), Some(words));
        }
        assert_eq!(
            installer().objection(|name| name == "billing-report"),
            Some("There is already a machine of this name.")
        );
    }

    #[test]
    fn the_twins_say_the_same_as_the_form() {
        let yaml = installer().yaml(|id| ["name of ", id].concat());
        assert!(
            yaml.contains("name: billing-report\n")
                && yaml.contains("memory: 4 GiB\n")
                && yaml.contains("cd: name of iso-1\n"),
            "{yaml}"
        );
        let curl = installer().curl();
        assert_eq!(curl.matches("curl ").count(), 5);
        assert!(curl.contains("$ENGINE/ovirt-engine/api/vms/$VM/diskattachments"));
    }

    #[test]
    fn a_quote_in_a_description_cannot_leave_the_command() {
        let plan = NewVm {
            description: "it's; rm -rf /".into(),
            ..installer()
        };
        assert!(plan.curl().contains(r"it'\''s; rm"));
        assert!(
            plan.yaml(|id| id.to_string())
                .contains("description: \"it's; rm -rf /\"")
        );
    }
}
