//! oVirt's API, resource by resource: every verb, once as it should go and once refused.

mod clusters;
mod consoles;
mod data_centers;
mod disk_attachments;
mod disk_work;
mod disks;
mod events;
mod fixed;
mod guests;
mod hosts;
mod image_transfers;
mod jobs;
mod networks;
mod nics;
mod openapi;
mod people;
mod permissions;
mod policies;
mod provisioning;
mod rights;
mod roles;
mod snapshots;
mod statistics;
mod storage_domains;
mod tags;
mod templates;
mod vm_pools;
mod vms;
mod vnic_profiles;
mod wire;

use api::Typed;
use api::types::{Action, Fault, Vm};
use http::Method;
use tests::http::{Answer, Client};
use tests::site::TestSite;

/// A client that speaks XML, as the SDK does.
pub struct Api {
    client: Client,
}

/// A site and its administrator.
pub async fn admin() -> (TestSite, Api) {
    let site = TestSite::new().await;
    let api = Api::of(&site, "admin@internal").await;
    (site, api)
}

impl Api {
    /// Somebody with a token.
    pub async fn of(site: &TestSite, name: &str) -> Self {
        Self {
            client: site.token(name).await,
        }
    }

    /// Any request with any body.
    pub async fn send(&self, method: Method, path: &str, body: &str) -> Answer {
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{}/{path}", api::ROOT)
        };
        let headers = [
            ("content-type", "application/xml"),
            ("accept", "application/xml"),
        ];
        self.client
            .send(method, &path, &headers, body.to_owned())
            .await
            .expect("an answer")
    }

    /// The object at a path.
    pub async fn get<T: Typed>(&self, path: &str) -> T {
        read(&self.send(Method::GET, path, "").await.expect(200))
    }

    /// The collection at a path.
    pub async fn list<T: Typed>(&self, path: &str) -> Vec<T> {
        let headers = [("accept", "application/json")];
        let path = format!("{}/{path}", api::ROOT);
        let answer = self
            .client
            .send(Method::GET, &path, &headers, "")
            .await
            .expect("an answer");
        api::json::read_list(&answer.expect(200).json()).expect("a collection")
    }

    /// Adds to a collection.
    pub async fn add<T: Typed>(&self, path: &str, body: &T) -> T {
        let answer = self.send(Method::POST, path, &body.to_xml()).await;
        assert!(
            [201, 202].contains(&answer.status),
            "{}: {}",
            answer.status,
            answer.text()
        );
        if answer.status == 201 {
            let object: T = read(&answer);
            let head = object.head().expect("an id");
            assert_eq!(Some(answer.header("location")), head.href.as_deref());
            return object;
        }
        read(&answer)
    }

    /// Changes an object.
    pub async fn put<T: Typed>(&self, path: &str, body: &T) -> T {
        read(
            &self
                .send(Method::PUT, path, &body.to_xml())
                .await
                .expect(200),
        )
    }

    /// Takes an object away; it is gone or going.
    pub async fn delete(&self, path: &str) {
        self.send(Method::DELETE, path, "").await.expect(200);
    }

    /// Runs an action.
    pub async fn act(&self, path: &str, action: &Action) -> Action {
        let done: Action = read(
            &self
                .send(Method::POST, path, &action.to_xml())
                .await
                .expect(200),
        );
        assert_eq!(done.status.as_deref(), Some("complete"));
        done
    }

    /// What a refused request is told.
    pub async fn refused(&self, method: Method, path: &str, body: &str, status: u16) -> String {
        let answer = self.send(method, path, body).await.expect(status);
        let fault: Fault = read(&answer);
        let reason = fault.reason.expect("a reason");
        format!("{reason}: {}", fault.detail.expect("a detail"))
    }

    /// Nothing is at a path.
    pub async fn gone(&self, path: &str) {
        self.send(Method::GET, path, "").await.expect(404);
    }
}

/// The document in an answer.
pub fn read<T: Typed>(answer: &Answer) -> T {
    assert!(
        answer.header("content-type").starts_with("application/xml"),
        "{answer:?}"
    );
    T::from_xml(&answer.text()).unwrap_or_else(|e| panic!("{e}: {}", answer.text()))
}

/// A reference by name.
macro_rules! named {
    ($kind:ident, $name:expr) => {
        Some(
            ::api::types::$kind {
                name: Some($name.into()),
                ..Default::default()
            }
            .into(),
        )
    };
}
pub(crate) use named;

/// What a new VM needs to say.
pub fn new_vm(name: &str) -> Vm {
    Vm {
        name: Some(name.into()),
        cluster: named!(Cluster, "Default"),
        template: named!(Template, "Blank"),
        ..Vm::default()
    }
}
