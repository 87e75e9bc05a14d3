//! Rows of the database and how they are written and read.

use std::net::IpAddr;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::error::{Error, Result};
use crate::inventory::Entity;
use crate::model::{Event, ObjectId, SessionId, SessionPurpose, Timestamp, UserId};

/// A password.
#[derive(Clone)]
pub(crate) struct CredentialRow {
    pub(crate) user: UserId,
    /// PHC string.
    pub(crate) hash: String,
    pub(crate) must_change: bool,
    /// When it stops working.
    pub(crate) expires: Option<Timestamp>,
}

impl std::fmt::Debug for CredentialRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CredentialRow({})", self.user)
    }
}

/// A login.
#[derive(Clone)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) token_hash: [u8; 32],
    pub(crate) user: UserId,
    pub(crate) purpose: SessionPurpose,
    pub(crate) must_change: bool,
    pub(crate) boot: String,
    /// Of the clock that cannot be set.
    pub(crate) started: Duration,
    pub(crate) used: Duration,
    pub(crate) start_time: Timestamp,
    pub(crate) source: Option<IpAddr>,
}

impl std::fmt::Debug for SessionRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionRow({}, {})", self.id, self.user)
    }
}

/// One write.
#[derive(Debug)]
pub(crate) enum Row {
    Put { object: ObjectId, document: String },
    Remove(ObjectId),
    Event(Arc<Event>),
    EventsBefore(i64),
    Credential(CredentialRow),
    CredentialRemove(UserId),
    Session(Box<SessionRow>),
    SessionRemove(SessionId),
}

impl Row {
    pub(crate) async fn write(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        match self {
            Self::Put { object, document } => {
                sqlx::query("INSERT OR REPLACE INTO entity (kind, id, document) VALUES (?, ?, ?)")
                    .bind(object.kind())
                    .bind(object.uuid().to_string())
                    .bind(document.as_str())
                    .execute(connection)
                    .await?;
            }
            Self::Remove(object) => {
                sqlx::query("DELETE FROM entity WHERE kind = ? AND id = ?")
                    .bind(object.kind())
                    .bind(object.uuid().to_string())
                    .execute(connection)
                    .await?;
            }
            Self::Event(event) => {
                let document = serde_json::to_string(&**event)
                    .map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
                sqlx::query(
                    "INSERT OR REPLACE INTO event (id, time, code, document) VALUES (?, ?, ?, ?)",
                )
                .bind(event.id.0)
                .bind(event.time.0)
                .bind(i64::from(event.code))
                .bind(document)
                .execute(connection)
                .await?;
            }
            Self::EventsBefore(id) => {
                sqlx::query("DELETE FROM event WHERE id < ?")
                    .bind(id)
                    .execute(connection)
                    .await?;
            }
            Self::Credential(row) => {
                sqlx::query("INSERT OR REPLACE INTO credential (user_id, hash, must_change, expires) VALUES (?, ?, ?, ?)")
                    .bind(row.user.to_string())
                    .bind(row.hash.as_str())
                    .bind(row.must_change)
                    .bind(row.expires.map(|moment| moment.0))
                    .execute(connection)
                    .await?;
            }
            Self::CredentialRemove(user) => {
                sqlx::query("DELETE FROM credential WHERE user_id = ?")
                    .bind(user.to_string())
                    .execute(connection)
                    .await?;
            }
            Self::Session(row) => {
                sqlx::query(
                    "INSERT OR REPLACE INTO session (id, token_hash, user_id, purpose, must_change, boot, started, used, start_time, source) \
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )
                .bind(row.id.to_string())
                .bind(row.token_hash.as_slice())
                .bind(row.user.to_string())
                .bind(purpose_word(row.purpose))
                .bind(row.must_change)
                .bind(row.boot.as_str())
                .bind(millis(row.started))
                .bind(millis(row.used))
                .bind(row.start_time.0)
                .bind(row.source.map(|address| address.to_string()))
                .execute(connection)
                .await?;
            }
            Self::SessionRemove(id) => {
                sqlx::query("DELETE FROM session WHERE id = ?")
                    .bind(id.to_string())
                    .execute(connection)
                    .await?;
            }
        }
        Ok(())
    }
}

pub(crate) async fn credentials(
    connection: &mut SqliteConnection,
) -> Result<Vec<CredentialRow>, sqlx::Error> {
    let rows = sqlx::query("SELECT user_id, hash, must_change, expires FROM credential")
        .fetch_all(connection)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(CredentialRow {
                user: id(&row.try_get::<String, _>(0)?)?,
                hash: row.try_get(1)?,
                must_change: row.try_get(2)?,
                expires: row.try_get::<Option<i64>, _>(3)?.map(Timestamp),
            })
        })
        .collect()
}

pub(crate) async fn sessions(
    connection: &mut SqliteConnection,
) -> Result<Vec<SessionRow>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, token_hash, user_id, purpose, must_change, boot, started, used, start_time, source FROM session",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let hash: Vec<u8> = row.try_get(1)?;
            Ok(SessionRow {
                id: id(&row.try_get::<String, _>(0)?)?,
                token_hash: hash
                    .try_into()
                    .map_err(|_| sqlx::Error::Protocol("a token's hash is too short".to_owned()))?,
                user: id(&row.try_get::<String, _>(2)?)?,
                purpose: purpose(&row.try_get::<String, _>(3)?),
                must_change: row.try_get(4)?,
                boot: row.try_get(5)?,
                started: duration(row.try_get(6)?),
                used: duration(row.try_get(7)?),
                start_time: Timestamp(row.try_get(8)?),
                source: row
                    .try_get::<Option<String>, _>(9)?
                    .and_then(|text| IpAddr::from_str(&text).ok()),
            })
        })
        .collect()
}

fn id<T: From<uuid::Uuid>>(text: &str) -> Result<T, sqlx::Error> {
    uuid::Uuid::parse_str(text)
        .map(T::from)
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn purpose_word(purpose: SessionPurpose) -> &'static str {
    match purpose {
        SessionPurpose::Portal => "portal",
        SessionPurpose::Token => "token",
        SessionPurpose::Basic => "basic",
    }
}

fn purpose(word: &str) -> SessionPurpose {
    match word {
        "portal" => SessionPurpose::Portal,
        "basic" => SessionPurpose::Basic,
        _ => SessionPurpose::Token,
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// An entity as document.
pub(crate) fn encode(entity: &Entity) -> Result<String> {
    match entity {
        Entity::DataCenter(it) => serde_json::to_string(&**it),
        Entity::Cluster(it) => serde_json::to_string(&**it),
        Entity::Host(it) => serde_json::to_string(&**it),
        Entity::StorageDomain(it) => serde_json::to_string(&**it),
        Entity::Network(it) => serde_json::to_string(&**it),
        Entity::VnicProfile(it) => serde_json::to_string(&**it),
        Entity::Template(it) => serde_json::to_string(&**it),
        Entity::Vm(it) => serde_json::to_string(&**it),
        Entity::Disk(it) => serde_json::to_string(&**it),
        Entity::Snapshot(it) => serde_json::to_string(&**it),
        Entity::User(it) => serde_json::to_string(&**it),
        Entity::Group(it) => serde_json::to_string(&**it),
        Entity::Role(it) => serde_json::to_string(&**it),
        Entity::Permission(it) => serde_json::to_string(&**it),
        Entity::Tag(it) => serde_json::to_string(&**it),
        Entity::AffinityGroup(it) => serde_json::to_string(&**it),
        Entity::AffinityLabel(it) => serde_json::to_string(&**it),
        Entity::Quota(it) => serde_json::to_string(&**it),
        Entity::Qos(it) => serde_json::to_string(&**it),
        Entity::CpuProfile(it) => serde_json::to_string(&**it),
        Entity::DiskProfile(it) => serde_json::to_string(&**it),
        Entity::MacPool(it) => serde_json::to_string(&**it),
        Entity::Bookmark(it) => serde_json::to_string(&**it),
        Entity::SchedulingPolicy(it) => serde_json::to_string(&**it),
        Entity::Job(it) => serde_json::to_string(&**it),
        Entity::Operation(it) => serde_json::to_string(&**it),
        Entity::Transfer(it) => serde_json::to_string(&**it),
        Entity::InstanceType(it) => serde_json::to_string(&**it),
        Entity::VmPool(it) => serde_json::to_string(&**it),
    }
    .map_err(|error| Error::failed(format!("an entity cannot be written: {error}")))
}

/// An entity from its kind and document.
pub(crate) fn decode(kind: &str, document: &str) -> Result<Entity> {
    fn read<T: serde::de::DeserializeOwned + Into<Entity>>(
        document: &str,
    ) -> Result<Entity, serde_json::Error> {
        serde_json::from_str::<T>(document).map(Into::into)
    }
    use crate::model as m;
    match kind {
        "data_center" => read::<m::DataCenter>(document),
        "cluster" => read::<m::Cluster>(document),
        "host" => read::<m::Host>(document),
        "storage_domain" => read::<m::StorageDomain>(document),
        "network" => read::<m::Network>(document),
        "vnic_profile" => read::<m::VnicProfile>(document),
        "template" => read::<m::Template>(document),
        "vm" => read::<m::Vm>(document),
        "disk" => read::<m::Disk>(document),
        "snapshot" => read::<m::Snapshot>(document),
        "user" => read::<m::User>(document),
        "group" => read::<m::Group>(document),
        "role" => read::<m::Role>(document),
        "permission" => read::<m::Permission>(document),
        "tag" => read::<m::Tag>(document),
        "affinity_group" => read::<m::AffinityGroup>(document),
        "affinity_label" => read::<m::AffinityLabel>(document),
        "quota" => read::<m::Quota>(document),
        "qos" => read::<m::Qos>(document),
        "cpu_profile" => read::<m::CpuProfile>(document),
        "disk_profile" => read::<m::DiskProfile>(document),
        "mac_pool" => read::<m::MacPool>(document),
        "bookmark" => read::<m::Bookmark>(document),
        "scheduling_policy" => read::<m::SchedulingPolicy>(document),
        "job" => read::<m::Job>(document),
        "operation" => read::<crate::operation::Operation>(document),
        "image_transfer" => read::<m::Transfer>(document),
        "instance_type" => read::<m::InstanceType>(document),
        "vm_pool" => read::<m::VmPool>(document),
        other => {
            return Err(Error::failed(format!(
                "the database has entities of unknown kind {other}"
            )));
        }
    }
    .map_err(|error| Error::failed(format!("a {kind} in the database cannot be read: {error}")))
}
