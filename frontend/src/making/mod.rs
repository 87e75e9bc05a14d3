//! A new machine as a form has it, and the requests that make it: the same data
//! is what the dialog shows as YAML, as calls (`text`), and what is sent (`run`).

pub mod first_boot;
pub mod run;
pub mod text;

use first_boot::FirstBoot;

use crate::components::names::objection_to_name;
use crate::format::{GIB, MIB};
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
    /// A template, with all its disks.
    Template,
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
    /// Processors; 0 for as many as the template or the instance type has.
    pub vcpus: u64,
    /// In bytes; 0 for as much as the template or the instance type has.
    pub memory: u64,
    /// The size by name, if it has one.
    pub instance_type: Option<Id>,
    /// Where it may run.
    pub cluster: Option<Id>,
    /// Made from; Blank unless `source` is a template.
    pub template: Option<Id>,
    /// Follows the newest version of its template.
    pub latest: bool,
    /// Has disks of its own instead of standing on the template's.
    pub clone: bool,
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
    /// What it is told at its first start.
    pub first_boot: FirstBoot,
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
        if self.source == Source::Template && self.template.is_none() {
            return Some("Choose the template.");
        }
        let sized = self.instance_type.is_some() || self.source == Source::Template;
        if self.memory < 32 * MIB && !(sized && self.memory == 0) {
            return Some("It needs at least 32 MiB of memory.");
        }
        if (self.vcpus == 0 && !sized) || self.vcpus > 512 {
            return Some("It needs between 1 and 512 processors.");
        }
        if self.cluster.is_none() {
            return Some("There is no cluster it could run in.");
        }
        if self.needs_disk() && self.domain.is_none() {
            return Some("There is no storage domain for its disk.");
        }
        objection_to_name(&self.name, taken).or_else(|| self.first_boot.objection())
    }

    fn needs_disk(&self) -> bool {
        !matches!(self.source, Source::Image | Source::Template) && self.disk > 0
    }

    /// The first start; told to use its answers if it has some.
    fn start_body(&self) -> Value {
        match (self.first_boot.on, self.os.starts_with("windows")) {
            (true, false) => json!({ "use_cloud_init": "true" }),
            (true, true) => json!({ "use_sysprep": "true" }),
            (false, _) => json!({}),
        }
    }

    /// The machine itself.
    #[must_use]
    pub fn vm_body(&self, show_password: bool) -> Value {
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
        if let Some(instance_type) = &self.instance_type {
            body.insert("instance_type".into(), json!({ "id": **instance_type }));
        }
        if self.latest {
            body.insert("use_latest_template_version".into(), json!("true"));
        }
        if self.memory > 0 {
            body.insert("memory".into(), json!(self.memory));
            body.insert(
                "memory_policy".into(),
                json!({ "guaranteed": self.memory, "max": self.memory.saturating_mul(4) }),
            );
        }
        if self.vcpus > 0 {
            body.insert(
                "cpu".into(),
                json!({ "topology": { "sockets": self.vcpus, "cores": 1, "threads": 1 } }),
            );
        }
        if self.first_boot.on {
            body.insert("initialization".into(), self.first_boot.body(show_password));
        }
        if self.source == Source::Template {
            // System, firmware and boot order are the template's, unless chosen.
            if !self.os.is_empty() {
                body.insert("os".into(), json!({ "type": self.os }));
            }
            if !self.firmware.is_empty() {
                body.insert("bios".into(), json!({ "type": self.firmware }));
            }
            return Value::Object(body);
        }
        let boot = match self.source {
            // The disk first: once the system is installed, it boots from there by itself.
            Source::Installer => json!(["hd", "cdrom"]),
            Source::Image => json!(["hd"]),
            Source::Nothing | Source::Template => json!(["hd", "cdrom"]),
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

    /// Every request, in order; for reading, its password is hidden.
    #[must_use]
    pub fn steps(&self, show_password: bool) -> Vec<Step> {
        let mut steps = vec![Step {
            words: "making the machine",
            method: "POST",
            path: if self.source == Source::Template && self.clone {
                "/vms?clone=true"
            } else {
                "/vms"
            },
            body: self.vm_body(show_password),
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
                body: self.start_body(),
            });
        }
        steps
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
        let steps = installer().steps(true);
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
        let steps = plan.steps(true);
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[1].body["disk"], json!({"id": "img"}));
    }

    #[test]
    fn a_template_brings_its_disks_size_and_interfaces() {
        let plan = NewVm {
            source: Source::Template,
            template: Some("golden".into()),
            vcpus: 0,
            memory: 0,
            os: String::new(),
            disk: 0,
            profile: None,
            clone: true,
            first_boot: FirstBoot {
                on: true,
                host_name: "web-1".into(),
                password: "geheim".into(),
                ..FirstBoot::default()
            },
            ..installer()
        };
        assert_eq!(plan.objection(|_| false), None);
        let steps = plan.steps(true);
        assert_eq!(steps[0].path, "/vms?clone=true");
        assert_eq!(
            steps[0].body,
            json!({"name": "billing-report", "cluster": {"id": "c-1"}, "template": {"id": "golden"},
                "initialization": {"host_name": "web-1", "root_password": "geheim"}})
        );
        assert_eq!(steps[1].body, json!({"use_cloud_init": "true"}));
        assert_eq!(steps.len(), 2);
        assert!(
            !plan.curl().contains("geheim") && !plan.yaml(|id| id.to_string()).contains("geheim")
        );
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
