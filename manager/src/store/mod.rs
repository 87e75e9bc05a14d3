//! Where changes are kept: one SQLite file, embedded. A commit is one transaction, synced to disk
//! before it returns. Nothing is read from here after the start.
//!
//! ```text
//! writer ──▶ Store::commit(rows) ──▶ saffron.db (WAL, synchronous=FULL)
//! ```

mod row;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::model::Event;

pub(crate) use row::{CredentialRow, Row, SessionRow, decode, encode};

/// The database, and the lock that keeps a second manager off the same state.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    connection: Option<SqliteConnection>,
    _lock: File,
}

/// What the store held at start, apart from the inventory.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) credentials: Vec<CredentialRow>,
    pub(crate) sessions: Vec<SessionRow>,
}

impl Store {
    /// Opens the state directory's database, makes it where it is missing, brings it to this
    /// version, and refuses where another manager has it.
    pub(crate) async fn open(state: &Path) -> Result<Self> {
        let lock = lock(state)?;
        let path = state.join("saffron.db");
        let mut connection = connect(&path).await?;
        sqlx::migrate!("./migrations")
            .run(&mut connection)
            .await
            .map_err(|error| {
                Error::failed(format!(
                    "the database cannot be brought to this version: {error}"
                ))
            })?;
        restrict(&path)?;
        Ok(Self {
            path,
            connection: Some(connection),
            _lock: lock,
        })
    }

    /// Reads everything.
    pub(crate) async fn load(&mut self) -> Result<(Inventory, Kept)> {
        let mut inventory = Inventory::empty();
        let connection = self.connection().await?;
        let rows = sqlx::query("SELECT kind, document FROM entity")
            .fetch_all(&mut *connection)
            .await
            .map_err(unreadable)?;
        for row in rows {
            let kind: String = row.try_get(0).map_err(unreadable)?;
            let document: String = row.try_get(1).map_err(unreadable)?;
            inventory.put(decode(&kind, &document)?);
        }
        let rows = sqlx::query("SELECT document FROM event ORDER BY id DESC LIMIT ?")
            .bind(i64::try_from(crate::inventory::KEPT).unwrap_or(i64::MAX))
            .fetch_all(&mut *connection)
            .await
            .map_err(unreadable)?;
        for row in rows.into_iter().rev() {
            let document: String = row.try_get(0).map_err(unreadable)?;
            let event: Event = serde_json::from_str(&document).map_err(|error| {
                Error::failed(format!("an event in the database cannot be read: {error}"))
            })?;
            inventory.event_put(Arc::new(event));
        }
        let credentials = row::credentials(connection).await.map_err(unreadable)?;
        let sessions = row::sessions(connection).await.map_err(unreadable)?;
        Ok((
            inventory,
            Kept {
                credentials,
                sessions,
            },
        ))
    }

    /// Writes rows, all or none, and returns when they are on the disk.
    pub(crate) async fn commit(&mut self, rows: &[Row]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let outcome = match self.connection().await {
            Ok(connection) => write(connection, rows).await.map_err(unwritable),
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // After a failed sync nobody knows what the connection's caches are worth.
            self.connection = None;
        }
        outcome
    }

    /// Closes the database in order.
    pub(crate) async fn close(mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "Closing the database failed");
        }
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.path).await?);
        }
        self.connection
            .as_mut()
            .ok_or_else(|| Error::unavailable("the database is closed"))
    }
}

async fn write(connection: &mut SqliteConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for row in rows {
        row.write(&mut transaction).await?;
    }
    transaction.commit().await
}

async fn connect(path: &Path) -> Result<SqliteConnection> {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|error| Error::failed(format!("the database cannot be opened: {error}")))
}

/// Takes the state directory for this process.
fn lock(state: &Path) -> Result<File> {
    let path = state.join("saffron.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| Error::failed(format!("{} cannot be opened: {error}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::unavailable(format!(
            "another manager is running on {}",
            state.display()
        ))),
        Err(std::fs::TryLockError::Error(error)) => Err(Error::failed(format!(
            "{} cannot be locked: {error}",
            path.display()
        ))),
    }
}

/// The database is nobody else's business.
fn restrict(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|error| Error::failed(format!("{} cannot be protected: {error}", path.display())))
}

fn unreadable(error: sqlx::Error) -> Error {
    Error::failed(format!("the database cannot be read: {error}"))
}

fn unwritable(error: sqlx::Error) -> Error {
    tracing::error!(%error, "Writing to the database failed");
    // SQLITE_FULL
    if error
        .as_database_error()
        .and_then(|error| error.code())
        .as_deref()
        == Some("13")
    {
        return Error::NoSpace {
            messages: vec!["There is no space left where the manager keeps its state.".to_owned()],
        };
    }
    Error::unavailable("The manager cannot write to its database at the moment.")
}
