//! What is measured, in which order: every round has every scene by both clients, one right after
//! the other, so that what else happens on the machine meets both.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::judge::Client;

/// A scene under one way of compressing it.
struct Pair {
    scene: &'static str,
    compression: &'static str,
    /// The peer cannot show it at all: we are measured alone, in one round.
    alone: bool,
    /// Part of a quick run.
    quick: bool,
}

const fn pair(scene: &'static str, compression: &'static str, alone: bool, quick: bool) -> Pair {
    Pair {
        scene,
        compression,
        alone,
        quick,
    }
}

const PAIRS: &[Pair] = &[
    pair("desktop", "quic", false, true),
    pair("desktop", "lz", false, true),
    pair("photo", "quic", false, true),
    pair("photo", "lz", false, true),
    pair("photo", "jpeg", false, true),
    pair("video720", "mjpeg", false, true),
    pair("video720", "vp8", false, false),
    pair("video1080", "mjpeg", false, false),
    pair("video1080", "vp8", false, false),
    pair("mixed", "auto_lz", false, false),
    pair("video720", "h264", true, true),
    pair("video1080", "h264", true, true),
    pair("desktop", "glz", true, false),
    pair("desktop", "lz4", true, false),
    pair("photo", "glz", true, false),
    pair("photo", "lz4", true, false),
];

/// Scenes that are no moving picture.
const OTHERS: [&str; 2] = ["keys", "operations"];

/// What was asked for on the command line.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Only what matters most.
    pub quick: bool,
    /// How often everything is measured.
    pub rounds: u32,
    /// How long a scene runs.
    pub seconds: u32,
    /// Only these scenes.
    pub scenes: Option<Vec<String>>,
    /// Only these ways of compressing.
    pub compressions: Option<Vec<String>>,
    /// Only this client.
    pub only: Option<Client>,
}

/// All runs in their order, as the scripts take them.
#[derive(Debug)]
pub struct Plan {
    /// One object a run.
    pub items: Vec<Value>,
}

impl Plan {
    /// Makes the plan; a name that means nothing is an error.
    pub fn new(wanted: &Wanted) -> Result<Self> {
        let scenes = PAIRS.iter().map(|p| p.scene).chain(OTHERS);
        check("scene", wanted.scenes.as_deref(), scenes)?;
        let compressions = PAIRS.iter().map(|p| p.compression);
        check("compression", wanted.compressions.as_deref(), compressions)?;

        let asked = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref()
                .is_none_or(|list| list.iter().any(|n| n == name))
        };
        let clients = |alone: bool| {
            [Client::Ours, Client::Theirs]
                .into_iter()
                .filter(move |client| {
                    wanted.only.is_none_or(|only| only == *client)
                        && (!alone || *client == Client::Ours)
                })
        };
        let mut items = Vec::new();
        if asked(&wanted.scenes, "operations") {
            items.extend(
                clients(false).map(|c| json!({ "kind": "operations", "client": c.name() })),
            );
        }
        for round in 0..wanted.rounds {
            if asked(&wanted.scenes, "keys") {
                items.extend(clients(false).map(|client| {
                    json!({ "kind": "keys", "client": client.name(), "count": 20, "round": round })
                }));
            }
            for pair in PAIRS {
                // What is named is measured, be the run quick or not.
                let named = wanted.scenes.is_some() || wanted.compressions.is_some();
                if !asked(&wanted.scenes, pair.scene)
                    || !asked(&wanted.compressions, pair.compression)
                    || (wanted.quick && !pair.quick && !named)
                    || (pair.alone && round > 0)
                {
                    continue;
                }
                items.extend(clients(pair.alone).map(|client| {
                    json!({
                        "kind": "scene",
                        "client": client.name(),
                        "scene": pair.scene,
                        "compression": pair.compression,
                        "seconds": wanted.seconds,
                        "round": round,
                    })
                }));
            }
        }
        if items.is_empty() {
            bail!("nothing is left to measure");
        }
        Ok(Self { items })
    }

    /// About how long it takes.
    pub fn estimate_seconds(&self) -> f64 {
        self.items
            .iter()
            .map(|item| match item["kind"].as_str() {
                Some("operations") => 15.0,
                Some("keys") => 8.0,
                _ => item["seconds"].as_f64().unwrap_or_default() + 3.5,
            })
            .sum()
    }
}

fn check(
    what: &str,
    asked: Option<&[String]>,
    mut known: impl Iterator<Item = &'static str> + Clone,
) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    for name in asked {
        if !known.clone().any(|k| k == name) {
            let mut names: Vec<&str> = known.by_ref().collect();
            names.sort_unstable();
            names.dedup();
            bail!(
                "there is no {what} `{name}`; there are {}",
                names.join(", ")
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(plan: &Plan) -> Vec<String> {
        plan.items
            .iter()
            .map(|item| {
                ["client", "scene", "compression"]
                    .map(|name| item[name].as_str().unwrap_or("-"))
                    .join(" ")
            })
            .collect()
    }

    #[test]
    fn both_clients_run_the_same_scene_one_right_after_the_other() {
        let wanted = Wanted {
            rounds: 2,
            seconds: 1,
            scenes: Some(vec!["photo".to_owned()]),
            compressions: Some(vec!["quic".to_owned()]),
            ..Wanted::default()
        };
        let plan = Plan::new(&wanted).unwrap();
        let (ours, theirs) = ("ours photo quic", "theirs photo quic");
        assert_eq!(names(&plan), [ours, theirs, ours, theirs]);
    }

    #[test]
    fn what_the_peer_cannot_show_is_measured_alone_and_once() {
        let wanted = Wanted {
            rounds: 3,
            seconds: 1,
            compressions: Some(vec!["lz4".to_owned()]),
            scenes: Some(vec!["desktop".to_owned()]),
            ..Wanted::default()
        };
        assert_eq!(names(&Plan::new(&wanted).unwrap()), ["ours desktop lz4"]);
    }

    #[test]
    fn a_name_that_means_nothing_is_refused_with_the_names_there_are() {
        let wanted = Wanted {
            rounds: 1,
            scenes: Some(vec!["dekstop".to_owned()]),
            ..Wanted::default()
        };
        let sentence = Plan::new(&wanted).unwrap_err().to_string();
        assert!(
            sentence.contains("`dekstop`") && sentence.contains("desktop"),
            "{sentence}"
        );
    }

    #[test]
    fn a_whole_run_takes_no_more_than_ten_minutes_and_a_quick_one_two() {
        let whole = Wanted {
            rounds: 3,
            seconds: 4,
            ..Wanted::default()
        };
        assert!(Plan::new(&whole).unwrap().estimate_seconds() <= 600.0);
        let quick = Wanted {
            quick: true,
            rounds: 1,
            seconds: 2,
            ..Wanted::default()
        };
        assert!(Plan::new(&quick).unwrap().estimate_seconds() <= 130.0);
    }
}
