//! `cargo xtask edges`: refuses an arrow that ARCHITECTURE.md forbids. Two looks at the tree: who
//! depends on whom, as cargo resolves it (`graph`), and what the sources name (`source`). The rules
//! themselves stand in `rules`.

mod graph;
mod rules;
mod source;

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::{say, workspace};

/// Checks the workspace.
pub fn run() -> Result<()> {
    let found = check(workspace(), &["--locked"])?;
    if found.is_empty() {
        say("No forbidden arrow");
        return Ok(());
    }
    found.iter().for_each(say);
    bail!("{} forbidden arrows", found.len());
}

/// All that is forbidden in the workspace at `root`, a sentence each.
fn check(root: &Path, cargo_options: &[&str]) -> Result<Vec<String>> {
    let mut found = graph::check(root, cargo_options, rules::DEPENDENCIES)?;
    found.extend(source::check(root, rules::SOURCES)?);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// A small workspace with the rooms' names, and crates beside them in the names of others'.
    struct Tree {
        root: PathBuf,
        dependencies: BTreeMap<&'static str, Vec<&'static str>>,
    }

    const ROOMS: &[(&str, &str)] = &[
        ("spice", "spice"),
        ("api", "api"),
        ("manager", "manager"),
        ("spice-proxy", "spice-proxy"),
        ("gateway", "gateway"),
        ("console-worker", "frontend/worker"),
        ("frontend", "frontend"),
        ("xtask", "xtask"),
    ];
    const OTHERS: &[&str] = &[
        "tokio", "serde", "axum", "hyper", "virt", "leptos", "between",
    ];

    impl Tree {
        /// The arrows that are meant to be.
        fn sound(name: &str) -> Self {
            let root =
                std::env::temp_dir().join(format!("saffron-edges-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&root);
            let dependencies = BTreeMap::from([
                ("spice-proxy", vec!["spice", "tokio"]),
                (
                    "gateway",
                    vec!["api", "manager", "spice-proxy", "axum", "hyper"],
                ),
                ("manager", vec!["virt", "tokio"]),
                ("console-worker", vec!["spice"]),
                ("frontend", vec!["api", "console-worker", "leptos"]),
                ("api", vec!["serde"]),
            ]);
            Self { root, dependencies }
        }

        fn arrow(mut self, from: &'static str, to: &'static str) -> Self {
            self.dependencies.entry(from).or_default().push(to);
            self
        }

        fn file(self, path: &str, text: &str) -> Self {
            let file = self.root.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
            self
        }

        /// Writes what is missing and checks it.
        fn found(self) -> Vec<String> {
            let folders: Vec<(&str, String)> = ROOMS
                .iter()
                .map(|(name, folder)| (*name, (*folder).to_owned()))
                .chain(OTHERS.iter().map(|name| (*name, format!("others/{name}"))))
                .collect();
            let members: Vec<String> = folders
                .iter()
                .map(|(_, folder)| format!("{folder:?}"))
                .collect();
            fs::create_dir_all(&self.root).unwrap();
            fs::write(
                self.root.join("Cargo.toml"),
                format!(
                    "[workspace]\nresolver = \"3\"\nmembers = [{}]\n",
                    members.join(", ")
                ),
            )
            .unwrap();
            for (name, folder) in &folders {
                let mut manifest = format!(
                    "[package]\nname = {name:?}\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[dependencies]\n"
                );
                for to in self.dependencies.get(name).into_iter().flatten() {
                    let (_, other) = folders.iter().find(|(n, _)| n == to).unwrap();
                    manifest += &format!("{to} = {{ path = {:?} }}\n", self.root.join(other));
                }
                let folder = self.root.join(folder);
                fs::create_dir_all(folder.join("src")).unwrap();
                fs::write(folder.join("Cargo.toml"), manifest).unwrap();
                let library = folder.join("src/lib.rs");
                if !library.exists() {
                    fs::write(library, "").unwrap();
                }
            }
            let found = check(&self.root, &["--offline"]).unwrap();
            fs::remove_dir_all(&self.root).unwrap();
            found
        }
    }

    #[track_caller]
    fn refused(found: &[String], parts: &[&str]) {
        assert_eq!(found.len(), 1, "{found:#?}");
        for part in parts {
            assert!(found[0].contains(part), "{part:?} is not in {:?}", found[0]);
        }
    }

    #[test]
    fn a_sound_tree_passes() {
        let tree = Tree::sound("sound")
            .file(
                "manager/src/host/libvirt/connection.rs",
                "use virt::connect::Connect;\n",
            )
            .file("spice-proxy/src/link.rs", "use spice::link::Hello;\n")
            .file(
                "frontend/src/ui/table.rs",
                "// inner_html would be wrong here\n",
            );
        assert_eq!(tree.found(), Vec::<String>::new());
    }

    #[test]
    fn the_engine_may_not_know_http() {
        refused(
            &Tree::sound("http").arrow("manager", "axum").found(),
            &["manager", "axum"],
        );
    }

    #[test]
    fn a_forbidden_arrow_is_found_behind_another_crate() {
        let found = Tree::sound("deep")
            .arrow("spice", "between")
            .arrow("between", "tokio")
            .found();
        assert!(
            found
                .iter()
                .any(|line| line.contains("spice → between → tokio")),
            "{found:#?}"
        );
    }

    #[test]
    fn a_portal_may_not_use_the_server() {
        refused(
            &Tree::sound("server").arrow("frontend", "manager").found(),
            &["frontend", "manager"],
        );
    }

    #[test]
    fn the_gateway_reaches_libvirt_through_the_manager_only() {
        refused(
            &Tree::sound("virt").arrow("gateway", "virt").found(),
            &["gateway", "virt"],
        );
    }

    #[test]
    fn the_task_runner_uses_no_room() {
        refused(
            &Tree::sound("xtask").arrow("xtask", "api").found(),
            &["xtask", "api"],
        );
    }

    #[test]
    fn virt_is_named_in_one_folder_only() {
        let tree = Tree::sound("virt-name").file(
            "manager/src/monitor.rs",
            "fn f(domain: &virt::domain::Domain) {}\n",
        );
        refused(&tree.found(), &["manager/src/monitor.rs:1", "virt"]);
    }

    #[test]
    fn the_proxy_uses_nothing_of_spice_but_link() {
        let tree = Tree::sound("link").file(
            "spice-proxy/src/pump.rs",
            "\nuse spice::session::Session;\n",
        );
        refused(&tree.found(), &["spice-proxy/src/pump.rs:2", "spice::"]);
    }

    #[test]
    fn a_page_never_fetches_and_never_writes_html() {
        let tree = Tree::sound("page")
            .file(
                "frontend/src/administration/vms.rs",
                "let answer = window.fetch_with_str(url);\n",
            )
            .file(
                "frontend/src/components/badge.rs",
                "view! { <b inner_html=text/> }\n",
            );
        let found = tree.found();
        assert_eq!(found.len(), 2, "{found:#?}");
    }

    #[test]
    fn unbounded_queues_and_shells_are_refused_everywhere_in_the_product() {
        let tree = Tree::sound("queue")
            .file(
                "gateway/src/live.rs",
                "let (a, b) = mpsc::unbounded_channel();\n",
            )
            .file("manager/src/job.rs", "Command::new(\"sh\").arg(\"-c\");\n");
        let found = tree.found();
        assert_eq!(found.len(), 2, "{found:#?}");
    }

    #[test]
    fn what_only_tests_do_is_not_held_against_the_file() {
        let tree = Tree::sound("tests").file(
            "spice/src/lib.rs",
            "pub fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { std::fs::read(\"a\"); }\n}\n",
        );
        assert_eq!(tree.found(), Vec::<String>::new());
    }
}
