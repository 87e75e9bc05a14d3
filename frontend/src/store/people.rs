//! Users, roles and permissions as pages show them.

use super::{Entity, Id, Offers, Told};
use crate::json::{flag, id, list, some_text, text};

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Its id.
    pub id: Id,
    /// Full name for logging in, `ana@internal-authz`.
    pub name: String,
    /// The person's name.
    pub person: String,
    /// Mail address.
    pub email: String,
    /// Where the account is kept.
    pub domain: String,
    /// What may be done with it.
    pub offers: Offers,
}

impl Entity for User {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        User {
            id: Id::from(told.id),
            name: text(data, &["user_name"]),
            person: [text(data, &["name"]), text(data, &["last_name"])]
                .join(" ")
                .trim()
                .to_owned(),
            email: text(data, &["email"]),
            domain: text(data, &["domain", "name"]),
            offers: Offers::read(told.offers),
        }
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
}

impl Entity for Group {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        Group {
            id: Id::from(told.id),
            name: text(told.data, &["name"]),
        }
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// A role.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Opens the Administration Portal.
    pub administrative: bool,
    /// Can be changed.
    pub mutable: bool,
    /// Names of its permits, if the server inlines them.
    pub permits: Vec<String>,
}

impl Entity for Role {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        Role {
            id: Id::from(told.id),
            name: text(data, &["name"]),
            description: text(data, &["description"]),
            administrative: flag(data, &["administrative"]).unwrap_or(false),
            mutable: flag(data, &["mutable"]).unwrap_or(false),
            permits: list(data, &["permits"])
                .iter()
                .filter_map(|permit| some_text(permit, &["name"]))
                .collect(),
        }
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// What kind of object a permission is on, by the reference that the API's object carries.
const OBJECTS: [&str; 10] = [
    "vm",
    "disk",
    "host",
    "cluster",
    "data_center",
    "storage_domain",
    "template",
    "vm_pool",
    "network",
    "vnic_profile",
];

/// A role given to somebody on something.
#[derive(Clone, Debug, PartialEq)]
pub struct Permission {
    /// Its id.
    pub id: Id,
    /// Which role.
    pub role: Option<Id>,
    /// To which user.
    pub user: Option<Id>,
    /// Or to which group.
    pub group: Option<Id>,
    /// On which kind of object; empty means on everything.
    pub kind: &'static str,
    /// On which object.
    pub object: Option<Id>,
    /// What may be done with it.
    pub offers: Offers,
}

impl Entity for Permission {
    fn read(told: &Told<'_>, _: Option<&Self>) -> Self {
        let data = told.data;
        let found = OBJECTS
            .into_iter()
            .find_map(|kind| id(data, &[kind]).map(|object| (kind, object)));
        Permission {
            id: Id::from(told.id),
            role: id(data, &["role"]),
            user: id(data, &["user"]),
            group: id(data, &["group"]),
            kind: found.as_ref().map_or("", |(kind, _)| kind),
            object: found.map(|(_, object)| object),
            offers: Offers::read(told.offers),
        }
    }

    fn id(&self) -> &Id {
        &self.id
    }

    fn name(&self) -> &str {
        ""
    }
}
