//! Making and changing a pool.

use crate::app::app;
use crate::client::pools;
use crate::components::asking::{FormDialog, ask};
use crate::components::names::objection_to_name;
use crate::store::{Id, Pool, Template, natural};
use crate::text::{fill, t};
use crate::ui::form::{Check, Choice, TextField};
use leptos::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What a pool's form holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    name: String,
    description: String,
    template: String,
    latest: bool,
    cluster: String,
    instance_type: String,
    size: u64,
    prestarted: u64,
    per_user: u64,
    automatic: bool,
    stateful: bool,
}

impl Edited {
    fn of(pool: &Pool) -> Edited {
        let id = |id: &Option<Id>| id.as_deref().unwrap_or("").to_owned();
        Edited {
            name: pool.name.clone(),
            description: pool.description.clone(),
            template: id(&pool.template),
            latest: pool.latest,
            cluster: id(&pool.cluster),
            instance_type: id(&pool.instance_type),
            size: pool.size,
            prestarted: pool.prestarted,
            per_user: pool.max_per_user,
            automatic: pool.automatic,
            stateful: pool.stateful,
        }
    }

    /// The document of a new pool, or of what differs from before.
    #[must_use]
    pub fn document(&self, before: Option<&Edited>) -> Value {
        let mut body = Map::new();
        let mut put = |differs: bool, key: &str, value: Value| {
            if differs || before.is_none() {
                body.insert(key.to_owned(), value);
            }
        };
        let old = before.cloned().unwrap_or_default();
        put(old.name != self.name, "name", json!(self.name));
        put(
            old.description != self.description,
            "description",
            json!(self.description),
        );
        put(
            old.template != self.template,
            "template",
            json!({ "id": self.template }),
        );
        put(
            old.latest != self.latest,
            "use_latest_template_version",
            json!(self.latest.to_string()),
        );
        // What a pool is cannot be changed once it is made.
        if before.is_none() {
            put(true, "cluster", json!({ "id": self.cluster }));
            put(
                true,
                "type",
                json!(if self.automatic {
                    "automatic"
                } else {
                    "manual"
                }),
            );
            put(true, "stateful", json!(self.stateful.to_string()));
            if !self.instance_type.is_empty() {
                put(true, "instance_type", json!({ "id": self.instance_type }));
            }
        }
        put(old.size != self.size, "size", json!(self.size));
        put(
            old.prestarted != self.prestarted,
            "prestarted_vms",
            json!(self.prestarted),
        );
        put(
            old.per_user != self.per_user,
            "max_user_vms",
            json!(self.per_user),
        );
        Value::Object(body)
    }

    /// Why it will not do; `taken` says whether a name is another pool's.
    #[must_use]
    pub fn objection(&self, taken: impl Fn(&str) -> bool) -> Option<&'static str> {
        if let Some(why) = objection_to_name(&self.name, taken) {
            return Some(if why.starts_with("There is already") {
                "There is already a pool of this name."
            } else {
                why
            });
        }
        if self.template.is_empty() {
            return Some("Choose the template its machines are made from.");
        }
        if self.cluster.is_empty() {
            return Some("There is no cluster it could run in.");
        }
        if self.size == 0 || self.size > 1000 {
            return Some("It has between 1 and 1,000 machines.");
        }
        if self.prestarted > self.size {
            return Some("No more can be started ahead than there are.");
        }
        if self.per_user == 0 {
            return Some("A person may have one at least.");
        }
        None
    }
}

fn number(text: &str) -> u64 {
    // What is no number is refused like a number that is too large.
    text.trim().parse().unwrap_or(u64::MAX)
}

fn options(
    first: Option<&'static str>,
    all: impl IntoIterator<Item = (String, String)>,
) -> Vec<(String, String)> {
    first
        .map(|words| (String::new(), t(words).to_owned()))
        .into_iter()
        .chain(all)
        .collect()
}

/// The dialog; with no id for a new pool.
#[component]
pub fn EditPool(
    /// Which one.
    id: Option<Id>,
    /// Goes away.
    #[prop(into)]
    on_close: Callback<()>,
) -> AnyView {
    let app = app();
    let store = app.store;
    let pool = id.as_ref().and_then(|id| store.pools.peek(id));
    let is_new = pool.is_none();
    let before = pool.as_deref().map(Edited::of);
    let cluster = untrack(|| store.clusters.by_name());
    let cluster = cluster
        .iter()
        .find(|cluster| cluster.name == "Default")
        .or_else(|| cluster.first())
        .map(|cluster| cluster.id.to_string())
        .unwrap_or_default();
    let start = before.clone().unwrap_or(Edited {
        cluster,
        size: 3,
        per_user: 1,
        automatic: true,
        ..Edited::default()
    });
    let name = RwSignal::new(start.name.clone());
    let description = RwSignal::new(start.description.clone());
    let template = RwSignal::new(start.template.clone());
    let latest = RwSignal::new(start.latest);
    let cluster = RwSignal::new(start.cluster.clone());
    let instance_type = RwSignal::new(start.instance_type.clone());
    let size = RwSignal::new(start.size.to_string());
    let prestarted = RwSignal::new(start.prestarted.to_string());
    let per_user = RwSignal::new(start.per_user.to_string());
    let kind = RwSignal::new(
        if start.automatic {
            "automatic"
        } else {
            "manual"
        }
        .to_owned(),
    );
    let stateful = RwSignal::new(start.stateful);
    let now = move || Edited {
        name: name.get().trim().to_owned(),
        description: description.get(),
        template: template.get(),
        latest: latest.get(),
        cluster: cluster.get(),
        instance_type: instance_type.get(),
        size: number(&size.get()),
        prestarted: number(&prestarted.get()),
        per_user: number(&per_user.get()),
        automatic: kind.get() == "automatic",
        stateful: stateful.get(),
    };
    let own = start.name.clone();
    let same = before.clone();
    let refusal = Signal::derive(move || {
        let now = now();
        let taken =
            |name: &str| name != own && store.pools.peek_all().iter().any(|pool| pool.name == name);
        now.objection(taken)
            .map(|why| t(why).to_owned())
            .or_else(|| (same.as_ref() == Some(&now)).then(|| t("Nothing was changed.").to_owned()))
    });
    let templates = Signal::derive(move || {
        let mut all: Vec<Arc<Template>> = store.templates.all();
        all.retain(|template| !template.is_blank());
        all.sort_by(|a, b| natural(&a.name, &b.name).then(b.version.cmp(&a.version)));
        options(
            Some("Choose a template"),
            all.iter().map(|template| {
                let words = [template.name.as_str(), " ", &template.version_words()].concat();
                (template.id.to_string(), words)
            }),
        )
    });
    let clusters = Signal::derive(move || {
        options(
            None,
            store
                .clusters
                .by_name()
                .iter()
                .map(|cluster| (cluster.id.to_string(), cluster.name.clone())),
        )
    });
    let sizes = Signal::derive(move || {
        options(
            Some("As the template has it"),
            store
                .instance_types
                .by_name()
                .iter()
                .map(|one| (one.id.to_string(), one.name.clone())),
        )
    });
    let kinds = Signal::derive(|| {
        options(
            None,
            [
                (
                    "automatic".to_owned(),
                    t("Automatic: it goes back when it is shut down").to_owned(),
                ),
                (
                    "manual".to_owned(),
                    t("Manual: it stays somebody's until it is taken back").to_owned(),
                ),
            ],
        )
    });
    let title = pool.as_ref().map_or_else(
        || t("New pool").to_owned(),
        |pool| fill("Edit pool {0}", &[&pool.name]),
    );
    let go = move |()| {
        let now = untrack(now);
        let document = now.document(before.as_ref());
        let answer = match &id {
            Some(id) => pools::update(id, document),
            None => pools::add(document),
        };
        let done = is_new.then(|| fill("{0} is being made", &[&now.name]));
        ask(app, done, fill("{0} was not saved", &[&now.name]), answer);
    };
    view! {
        <FormDialog title=title button=if is_new { t("Create") } else { t("Save") } refusal=refusal on_go=go on_close=on_close>
            <TextField id="pool-name" label=t("Name") value=name first=true help=t("Its machines are called name-1, name-2 …")/>
            <TextField id="pool-description" label=t("Description") value=description/>
            <Choice id="pool-template" label=t("Template") value=template options=templates/>
            <Check label=t("Follow the newest version of it") value=latest/>
            <div class="sf-fields is-2">
                <TextField id="pool-size" label=t("Machines") value=size/>
                <TextField id="pool-prestarted" label=t("Started ahead") value=prestarted help=t("So many wait running")/>
                <TextField id="pool-per-user" label=t("At most per person") value=per_user/>
                {is_new.then(|| view! { <Choice id="pool-cluster" label=t("Cluster") value=cluster options=clusters/> })}
            </div>
            {is_new.then(|| view! {
                <Choice id="pool-instance-type" label=t("Size") value=instance_type options=sizes/>
                <Choice id="pool-kind" label=t("How they go back") value=kind options=kinds/>
                <Check label=t("They keep what was done with them") value=stateful/>
            })}
            {move || refusal.get().map(|why| view! { <p class="sf-help" role="status">{why}</p> })}
        </FormDialog>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Edited {
        Edited {
            name: "desks".into(),
            template: "t".into(),
            cluster: "c".into(),
            size: 3,
            per_user: 1,
            automatic: true,
            ..Edited::default()
        }
    }

    #[test]
    fn a_new_pool_says_all_of_itself_and_a_change_only_what_differs() {
        assert_eq!(
            some().document(None),
            json!({"name": "desks", "description": "", "template": {"id": "t"},
                "use_latest_template_version": "false", "cluster": {"id": "c"}, "type": "automatic",
                "stateful": "false", "size": 3, "prestarted_vms": 0, "max_user_vms": 1})
        );
        let larger = Edited {
            size: 5,
            prestarted: 2,
            ..some()
        };
        assert_eq!(
            larger.document(Some(&some())),
            json!({"size": 5, "prestarted_vms": 2})
        );
    }

    #[test]
    fn what_cannot_be_is_refused_before_it_is_sent() {
        assert_eq!(some().objection(|_| false), None);
        for (edited, word) in [
            (Edited { size: 0, ..some() }, "between"),
            (
                Edited {
                    prestarted: 4,
                    ..some()
                },
                "ahead",
            ),
            (
                Edited {
                    template: String::new(),
                    ..some()
                },
                "template",
            ),
            (
                Edited {
                    per_user: 0,
                    ..some()
                },
                "one at least",
            ),
            (
                Edited {
                    size: number("x"),
                    ..some()
                },
                "between",
            ),
        ] {
            let why = edited.objection(|_| false).unwrap_or_default();
            assert!(why.contains(word), "{why}");
        }
        assert!(
            some()
                .objection(|name| name == "desks")
                .unwrap_or_default()
                .contains("already")
        );
    }
}
