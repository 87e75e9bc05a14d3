//! The messages of our live stream (`live.v1`): JSON text frames over one WebSocket.
//!
//! A page says where it was; the server goes on from there, or begins with a snapshot. What an
//! object looks like is what REST says of it; what this caller may do with it now are its
//! offers, which REST does not have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Subprotocol of the WebSocket.
pub const PROTOCOL: &str = "live.v1";
/// Where the WebSocket is.
pub const PATH: &str = "/saffron/live";

/// What a page says first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToServer {
    /// Begin, or go on where a broken connection ended.
    Hello {
        /// Where it ended.
        #[serde(default)]
        resume: Option<Position>,
    },
}

/// A point in the stream of changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which run of the manager the revision counts in.
    pub epoch: String,
    /// The last change that was seen.
    pub revision: u64,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToPage {
    /// A part of everything that the caller may see.
    Snapshot {
        /// Which run of the manager the revision counts in.
        epoch: String,
        /// The state that this is.
        revision: u64,
        /// Some of it.
        resources: Vec<Resource>,
        /// Whether this was the last part.
        done: bool,
    },
    /// A resource is new or different.
    Changed {
        /// The state after it.
        revision: u64,
        /// As it is now.
        resource: Box<Resource>,
    },
    /// A resource is gone, or the caller may not see it any more.
    Removed {
        /// The state after it.
        revision: u64,
        /// Which kind it was.
        kind: Kind,
        /// Its id.
        id: String,
    },
    /// Something happened: an entry of the audit log, as REST's `event`.
    Event {
        /// The state after it.
        revision: u64,
        /// oVirt's JSON of the event.
        event: Value,
    },
    /// The page missed something and must start over; the server closes after this.
    Resync,
    /// Every 15 seconds, so that a dead connection is noticed.
    Ping,
}

/// What kind of object a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Kind {
    Vm,
    Host,
    Cluster,
    DataCenter,
    StorageDomain,
    Disk,
    Template,
    Network,
    VnicProfile,
    User,
    Group,
    Role,
    Permission,
    Job,
    Tag,
    Snapshot,
    Pool,
    InstanceType,
    /// One that this page is too old to know.
    #[serde(other)]
    Unknown,
}

/// One object with what the caller may do with it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Which kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// oVirt's JSON, by the same mapping that REST uses; read it with
    /// [`read`]`::<Vm>(&data)`. A VM has its disk attachments, NICs, CD drives and consoles inline.
    pub data: Value,
    /// Each action: possible now, or why not.
    #[serde(default)]
    pub offers: BTreeMap<String, Offer>,
    /// What oVirt's API has no place for.
    #[serde(default)]
    pub extra: Extra,
}

/// Whether an action is possible now for this caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Whether it is.
    pub allowed: bool,
    /// The sentence that says why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Offer {
    /// It is possible.
    pub fn allowed() -> Self {
        Offer {
            allowed: true,
            reason: None,
        }
    }

    /// It is not, and this is why.
    pub fn refused(reason: impl Into<String>) -> Self {
        Offer {
            allowed: false,
            reason: Some(reason.into()),
        }
    }
}

/// What only our own portals see of an object; each member only where it has a meaning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// VM, host: load in per cent of what it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// VM: memory that it takes on the host, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// VM: seconds since it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<u64>,
    /// VM: names of the users who have its console open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consoles: Option<Vec<String>>,
    /// Host: `kvm` or `tcg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acceleration: Option<String>,
    /// Host: the sentence that says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acceleration_reason: Option<String>,
    /// Host: memory in use, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_used_bytes: Option<u64>,
    /// Host: memory that it has, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_total_bytes: Option<u64>,
    /// Pool: what its VMs are doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolFigures>,
    /// Members that this page is too old to know.
    #[serde(flatten)]
    pub other: serde_json::Map<String, Value>,
}

/// What the VMs of a pool are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolFigures {
    /// VMs that run.
    pub running: u32,
    /// VMs that somebody has.
    pub assigned: u32,
    /// VMs that run and nobody has.
    pub ready: u32,
    /// VMs that are down and nobody has.
    pub free: u32,
    /// VMs that the caller has.
    pub mine: u32,
    /// Nothing is given out and nothing started ahead.
    pub maintenance: bool,
}

/// Reads a resource's data leniently: what a newer server says and we do not know stays empty.
pub fn read<T: crate::Typed>(data: &Value) -> Result<T, crate::Error> {
    let mut object = T::default();
    crate::json::read_value(data, &mut object, crate::json::Unknown::Drop)?;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_words_of_the_protocol() {
        let hello: ToServer =
            serde_json::from_str(r#"{"type":"hello","resume":{"epoch":"e","revision":7}}"#)
                .unwrap();
        let ToServer::Hello { resume } = hello;
        assert_eq!(
            resume,
            Some(Position {
                epoch: "e".into(),
                revision: 7
            })
        );
        let new: ToServer = serde_json::from_str(r#"{"type":"hello","resume":null}"#).unwrap();
        assert_eq!(new, ToServer::Hello { resume: None });
        assert_eq!(
            serde_json::to_string(&ToPage::Resync).unwrap(),
            r#"{"type":"resync"}"#
        );
        let resource = Resource {
            kind: Kind::StorageDomain,
            id: "1".into(),
            data: serde_json::json!({"name": "data"}),
            offers: BTreeMap::from([
                ("start".to_string(), Offer::allowed()),
                ("delete".to_string(), Offer::refused("VM is running.")),
            ]),
            extra: Extra {
                cpu_percent: Some(1.5),
                ..Extra::default()
            },
        };
        let changed = ToPage::Changed {
            revision: 8,
            resource: resource.into(),
        };
        let json = serde_json::to_value(&changed).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"type": "changed", "revision": 8, "resource": {
                "kind": "storage_domain", "id": "1", "data": {"name": "data"},
                "offers": {"delete": {"allowed": false, "reason": "VM is running."},
                    "start": {"allowed": true}},
                "extra": {"cpu_percent": 1.5}}})
        );
        assert_eq!(serde_json::from_value::<ToPage>(json).unwrap(), changed);
    }

    #[test]
    fn a_page_takes_kinds_it_does_not_know() {
        assert_eq!(
            serde_json::from_str::<Kind>("\"quantum\"").unwrap(),
            Kind::Unknown
        );
    }
}
