//! A manager with a simulated host and a clock that is turned by hand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use manager::clock::ManualClock;
use manager::host::sim::SimHost;
use manager::model::{
    ClusterId, Disk, DiskBackup, DiskContentType, DiskFormat, DiskId, DiskInterface, Event,
    ObjectId, Permission, RoleId, Secret, StorageDomainId, Subject, UserId, Vm, VmId, VmStatus,
    VnicProfileId,
};
use manager::operation::CrashPlan;
use manager::{
    Accepted, Caller, Config, DiskAddParams, DiskAttachParams, DiskSource, Error, Inventory,
    Manager, PermissionAddParams, UserAddParams, VmAddParams, VmSettings, VmStartParams,
    VmStopParams, seed,
};

/// The administrator's password.
pub const PASSWORD: &str = "correct horse battery";

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory that goes with its owner.
pub struct Directory(pub PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The manager under test.
pub struct Site {
    pub directory: Arc<Directory>,
    pub host: Arc<SimHost>,
    pub clock: Arc<ManualClock>,
    pub manager: Manager,
    pub admin: Caller,
}

impl Site {
    /// A first start, with its host up.
    pub async fn new() -> Self {
        Self::with_crash(None).await
    }

    /// The same, that stops dead where a plan says.
    pub async fn with_crash(crash: Option<CrashPlan>) -> Self {
        Self::on(SimHost::new(), crash).await
    }

    /// On a host that has no UEFI firmware and no TPM for guests.
    pub async fn without_parts() -> Self {
        let host = SimHost::new();
        host.without_parts();
        Self::on(host, None).await
    }

    async fn on(host: Arc<SimHost>, crash: Option<CrashPlan>) -> Self {
        let directory =
            std::env::temp_dir().join(format!("saffron-manager-{}", uuid::Uuid::new_v4()));
        let directory = Arc::new(Directory(directory));
        let site = Self::open(directory, host, Arc::new(ManualClock::default()), crash).await;
        site.until("the host is up", |inventory| {
            inventory
                .hosts
                .iter()
                .all(|host| host.status.as_str() == "up")
                && inventory
                    .storage_domains
                    .iter()
                    .all(|it| it.status.as_str() == "active")
        })
        .await;
        site
    }

    async fn open(
        directory: Arc<Directory>,
        host: Arc<SimHost>,
        clock: Arc<ManualClock>,
        crash: Option<CrashPlan>,
    ) -> Self {
        let mut config = Config::new(&directory.0);
        config.admin_password = Some(Secret::new(PASSWORD));
        config.host_name = "host1".to_owned();
        config.clock = clock.clone();
        config.hypervisor = Some(host.clone());
        config.crash = crash;
        config.timeouts.sweep = Duration::from_millis(50);
        config.timeouts.retry = Duration::from_millis(10);
        let manager = Manager::open(config).await.expect("the manager opens");
        let admin = caller(user(&manager.inventory(), "admin"));
        Self {
            directory,
            host,
            clock,
            manager,
            admin,
        }
    }

    /// Ends the manager and starts another one on the same state and host.
    pub async fn restart(self) -> Self {
        self.restart_with(None).await
    }

    /// The same, that stops dead where a plan says.
    pub async fn restart_with(self, crash: Option<CrashPlan>) -> Self {
        self.manager.close().await;
        let Self {
            directory,
            host,
            clock,
            manager,
            ..
        } = self;
        drop(manager);
        Self::open(directory, host, clock, crash).await
    }

    /// Waits until the inventory is as it should be.
    pub async fn until(&self, what: &str, mut fits: impl FnMut(&Inventory) -> bool) {
        let mut changes = self.manager.subscribe();
        let waiting = async {
            while !fits(&self.manager.inventory()) {
                // Lagging is no matter: the inventory is looked at, not the change.
                let _ = changes.next().await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
            "not in time: {what}"
        );
    }

    /// Waits until a VM is in a state.
    pub async fn vm_is(&self, vm: VmId, status: VmStatus) {
        let what = format!(
            "{vm} is {status}, not {:?}",
            self.find(vm).map(|vm| vm.run.status)
        );
        self.until(&what, |inventory| {
            inventory
                .vms
                .get(&vm)
                .is_some_and(|vm| vm.run.status == status)
        })
        .await;
    }

    /// Waits until nothing is in progress.
    pub async fn idle(&self) {
        self.until("no operation is open", |inventory| {
            inventory.operations.is_empty()
        })
        .await;
    }

    pub fn find(&self, vm: VmId) -> Option<Arc<Vm>> {
        self.manager.inventory().vms.get(&vm).cloned()
    }

    pub fn vm(&self, vm: VmId) -> Arc<Vm> {
        self.find(vm).expect("the VM is there")
    }

    pub fn disk(&self, disk: DiskId) -> Arc<Disk> {
        self.manager
            .inventory()
            .disks
            .get(&disk)
            .cloned()
            .expect("the disk is there")
    }

    pub fn cluster(&self) -> ClusterId {
        self.manager
            .inventory()
            .clusters
            .iter()
            .next()
            .expect("a cluster")
            .id
    }

    pub fn domain(&self) -> StorageDomainId {
        self.manager
            .inventory()
            .storage_domains
            .iter()
            .find(|it| it.master)
            .expect("a storage domain")
            .id
    }

    pub fn profile(&self) -> VnicProfileId {
        self.manager
            .inventory()
            .vnic_profiles
            .iter()
            .next()
            .expect("a vNIC profile")
            .id
    }

    /// A VM without anything.
    pub async fn bare(&self, name: &str) -> VmId {
        let params = self.vm_params(name);
        self.manager
            .vm_add(&self.admin, params)
            .await
            .expect("added")
            .value
            .id
    }

    pub fn vm_params(&self, name: &str) -> VmAddParams {
        VmAddParams {
            name: name.to_owned(),
            description: String::new(),
            comment: String::new(),
            cluster: self.cluster(),
            template: seed::BLANK,
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
        }
    }

    pub fn disk_params(&self, name: &str, size: u64) -> DiskAddParams {
        DiskAddParams {
            quota: None,
            id: None,
            name: name.to_owned(),
            description: String::new(),
            storage_domain: Some(self.domain()),
            provisioned_size: size,
            format: DiskFormat::Cow,
            sparse: None,
            content_type: DiskContentType::Data,
            shareable: false,
            wipe_after_delete: None,
            propagate_errors: false,
            backup: DiskBackup::None,
            disk_profile: None,
        }
    }

    /// A CD image that is ready.
    pub async fn iso(&self, name: &str) -> DiskId {
        let mut params = self.disk_params(name, 1 << 20);
        params.format = DiskFormat::Raw;
        params.content_type = DiskContentType::Iso;
        let added = self
            .manager
            .disk_add(&self.admin, params)
            .await
            .expect("added");
        self.finished(&added).await;
        added.value.id
    }

    /// A VM with some disks, which are there.
    pub async fn with_disks(&self, name: &str, disks: u64) -> VmId {
        let mut params = self.vm_params(name);
        for number in 1..=disks {
            params.disks.push(new_disk(
                self.disk_params(&format!("{name}-{number}"), number << 30),
            ));
        }
        let added = self
            .manager
            .vm_add(&self.admin, params)
            .await
            .expect("added");
        self.finished(&added).await;
        added.value.id
    }

    /// Starts a VM and waits until it is up.
    pub async fn start(&self, vm: VmId) {
        self.manager
            .vm_start(&self.admin, vm, VmStartParams::default())
            .await
            .expect("start accepted");
        self.vm_is(vm, VmStatus::Up).await;
        self.idle().await;
    }

    /// Stops a VM and waits until it is down.
    pub async fn stop(&self, vm: VmId) {
        self.manager
            .vm_stop(&self.admin, vm, VmStopParams::default())
            .await
            .expect("accepted");
        self.vm_is(vm, VmStatus::Down).await;
        self.idle().await;
    }

    /// Waits until what was accepted has ended, and says whether well.
    pub async fn finished<T>(&self, accepted: &Accepted<T>) -> bool {
        let Some(job) = accepted.job else { return true };
        let waited = tokio::time::timeout(PATIENCE, self.manager.wait(job))
            .await
            .expect("in time");
        waited.expect("the job is there").status.as_str() == "finished"
    }

    /// A user with a password and nothing else.
    pub async fn user(&self, name: &str) -> Caller {
        let user = self
            .manager
            .user_add(
                &self.admin,
                UserAddParams {
                    user_name: name.to_owned(),
                    name: String::new(),
                    last_name: String::new(),
                    email: String::new(),
                    department: String::new(),
                    password: Some(Secret::new(PASSWORD)),
                    must_change_password: false,
                },
            )
            .await
            .expect("added");
        caller(user.id)
    }

    /// Gives a user a role of the seed.
    pub async fn grant(
        &self,
        who: &Caller,
        role: &str,
        object: impl Into<ObjectId>,
    ) -> Arc<Permission> {
        let role = self.role(role);
        self.manager
            .permission_add(
                &self.admin,
                PermissionAddParams {
                    role,
                    subject: Subject::User(who.user),
                    object: object.into(),
                },
            )
            .await
            .expect("granted")
    }

    pub fn role(&self, name: &str) -> RoleId {
        self.manager
            .inventory()
            .roles
            .iter()
            .find(|it| it.name == name)
            .expect("a role")
            .id
    }

    /// The events of a number, newest first.
    pub fn events(&self, code: u32) -> Vec<Arc<Event>> {
        self.manager
            .inventory()
            .events
            .newest_first()
            .filter(|event| event.code == code)
            .cloned()
            .collect()
    }
}

/// A new disk for a VM.
pub fn new_disk(params: DiskAddParams) -> DiskAttachParams {
    attach(DiskSource::New(params))
}

/// A disk for a VM.
pub fn attach(source: DiskSource) -> DiskAttachParams {
    DiskAttachParams {
        source,
        interface: DiskInterface::VirtioScsi,
        bootable: false,
        active: true,
        read_only: false,
        pass_discard: false,
        uses_scsi_reservation: false,
    }
}

fn user(inventory: &Inventory, principal: &str) -> UserId {
    inventory
        .users
        .iter()
        .find(|user| user.principal == principal)
        .expect("a user")
        .id
}

/// Somebody who asks without a login.
pub fn caller(user: UserId) -> Caller {
    Caller {
        user,
        session: None,
        correlation_id: uuid::Uuid::new_v4().to_string(),
        source: None,
        filter: false,
    }
}

/// What a refusal says.
pub fn refusal<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
    outcome.expect_err("refused").to_string()
}
