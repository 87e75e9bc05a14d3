//! A whole site in the test's own process: the gateway on loopback, a manager with a simulated
//! host and a clock that only the test turns, and people of every role.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gateway::connection::Limits;
use gateway::{Front, Running, Server};
use manager::clock::ManualClock;
use manager::host::sim::SimHost;
use manager::model::{ObjectId, RoleId, Secret, Subject, TemplateId, UserId, VmId};
use manager::{
    Caller, Manager, PermissionAddParams, UserAddParams, VmAddParams, VmSettings, VmStartParams,
};
use serde_json::json;

use crate::http::Client;

/// The password of everybody on a test site.
pub const PASSWORD: &str = "correct-horse-battery";

/// A site.
pub struct TestSite {
    running: Option<Running>,
    state: PathBuf,
    /// Its host.
    pub host: Arc<SimHost>,
    /// Its time.
    pub clock: Arc<ManualClock>,
}

impl TestSite {
    /// A site as it is after its first start.
    pub async fn new() -> Self {
        Self::with_limits(Limits {
            per_address: 1000,
            total: 2000,
        })
        .await
    }

    /// The same with limits on connections.
    pub async fn with_limits(limits: Limits) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let state =
            std::env::temp_dir().join(format!("saffron-site-{}-{number}", std::process::id()));
        let host = SimHost::new();
        let clock = Arc::new(ManualClock::default());
        let mut config = manager::Config::new(&state);
        config.admin_password = Some(Secret::new(PASSWORD));
        config.clock = clock.clone();
        config.hypervisor = Some(host.clone());
        gateway::tls::private_directory(&state).expect("a state directory");
        let manager = Manager::open(config).await.expect("a manager");
        let front = Front {
            state: state.clone(),
            listen: ([127, 0, 0, 1], 0).into(),
            names: Vec::new(),
            limits,
            http2: false,
        };
        let running = Server::serve(front, manager).await.expect("a server");
        let site = Self {
            running: Some(running),
            state,
            host,
            clock,
        };
        site.ready().await;
        site
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("running until it is closed")
    }

    /// Who decides.
    pub fn manager(&self) -> &Manager {
        self.running().manager()
    }

    /// Waits for the first host to be up.
    async fn ready(&self) {
        self.until(|inventory| {
            let up = manager::model::HostStatus::Up;
            inventory.hosts.iter().any(|host| host.status == up)
        })
        .await;
    }

    /// Waits until the inventory is as `is` wants it.
    pub async fn until(&self, is: impl Fn(&manager::Inventory) -> bool) {
        let mut changes = self.manager().subscribe();
        let waiting = async {
            while !is(&self.manager().inventory()) {
                let _ = changes.next().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), waiting)
            .await
            .expect("the inventory did not become so in 20 s");
    }

    /// Somebody who has not logged in.
    pub fn stranger(&self) -> Client {
        Client::new(self.running().address(), self.running().ca_pem()).expect("a client")
    }

    /// The administrator, in the portal.
    pub async fn admin(&self) -> Client {
        self.login("admin@internal", PASSWORD).await
    }

    /// Somebody in the portal.
    pub async fn login(&self, name: &str, password: &str) -> Client {
        let client = self.stranger();
        let body = json!({ "username": name, "password": password });
        client.post("/saffron/session", &body).await.expect(200);
        client.with("x-saffron", "1")
    }

    /// Somebody with an API token.
    pub async fn token(&self, name: &str) -> Client {
        let client = self.stranger();
        let form = format!(
            "grant_type=password&scope=ovirt-app-api&username={}&password={PASSWORD}",
            name.replace('@', "%40")
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = client
            .send(
                http::Method::POST,
                "/ovirt-engine/sso/oauth/token",
                &headers,
                form,
            )
            .await
            .expect("an answer")
            .expect(200)
            .json();
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        self.stranger()
            .with("authorization", &format!("Bearer {token}"))
    }

    /// A new person who has a role on an object, and nothing else.
    pub async fn person(&self, name: &str, role: RoleId, object: ObjectId) -> UserId {
        let caller = Caller::system();
        let params = UserAddParams {
            user_name: format!("{name}@internal"),
            name: name.to_owned(),
            last_name: String::new(),
            email: String::new(),
            department: String::new(),
            password: Some(Secret::new(PASSWORD)),
            must_change_password: false,
        };
        let user = self
            .manager()
            .user_add(&caller, params)
            .await
            .expect("a user")
            .id;
        self.give(user, role, object).await;
        user
    }

    /// Gives a role to somebody.
    pub async fn give(&self, user: UserId, role: RoleId, object: ObjectId) {
        let params = PermissionAddParams {
            role,
            subject: Subject::User(user),
            object,
        };
        self.manager()
            .permission_add(&Caller::system(), params)
            .await
            .expect("a permission");
    }

    /// A new machine without disks.
    pub async fn vm(&self, name: &str) -> VmId {
        let inventory = self.manager().inventory();
        let cluster = inventory.clusters.iter().next().expect("a cluster").id;
        let params = VmAddParams {
            name: name.to_owned(),
            description: String::new(),
            comment: String::new(),
            cluster,
            template: TemplateId::ZERO,
            instance_type: None,
            delete_protected: false,
            origin: None,
            settings: VmSettings::default(),
            disks: Vec::new(),
            nics: Vec::new(),
            cdrom: None,
            clone: false,
            template_disks: Vec::new(),
            use_latest_template: false,
            clone_permissions: false,
        };
        let added = self
            .manager()
            .vm_add(&Caller::system(), params)
            .await
            .expect("a VM");
        let id = added.value.id;
        self.until(|inventory| inventory.vms.get(&id).is_some_and(|vm| is_down(vm)))
            .await;
        id
    }

    /// A new machine that runs.
    pub async fn running_vm(&self, name: &str) -> VmId {
        let id = self.vm(name).await;
        self.manager()
            .vm_start(&Caller::system(), id, VmStartParams::default())
            .await
            .expect("a start");
        self.until(|inventory| {
            let up = manager::model::VmStatus::Up;
            inventory.vms.get(&id).is_some_and(|vm| vm.run.status == up)
        })
        .await;
        id
    }

    /// Ends the server in order.
    pub async fn close(mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown().await;
        }
    }
}

fn is_down(vm: &manager::model::Vm) -> bool {
    vm.run.status == manager::model::VmStatus::Down
}

impl Drop for TestSite {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.state);
    }
}
