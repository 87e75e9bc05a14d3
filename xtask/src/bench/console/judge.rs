//! What the figures mean: the median of the rounds, our ratio to the peer, and whether each aim was
//! reached.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Who was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// `saffron view`.
    Ours,
    /// spice-html5.
    Theirs,
}

impl Client {
    /// As the scripts call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        }
    }
}

/// One run, as a script told of it.
#[derive(Debug)]
pub struct Run {
    /// Who.
    pub client: Client,
    /// What: a scene and how it was compressed, or `keys` or `operations` and nothing.
    pub subject: (String, String),
    /// The script's line.
    pub said: Value,
}

impl Run {
    /// Reads a script's line.
    pub fn read(said: &Value) -> Result<Self> {
        let item = &said["item"];
        let kind = item["kind"].as_str().context("a run without a kind")?;
        let client = match item["client"].as_str() {
            Some("ours") => Client::Ours,
            Some("theirs") => Client::Theirs,
            _ => anyhow::bail!("a run of nobody"),
        };
        let word = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let subject = match kind {
            "scene" => (word("scene"), word("compression")),
            other => (other.to_owned(), String::new()),
        };
        Ok(Self {
            client,
            subject,
            said: said.clone(),
        })
    }

    /// A figure of it, if it was measured.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.said["result"][name].as_f64()
    }

    /// It in one line.
    pub fn sentence(&self) -> String {
        let (scene, compression) = &self.subject;
        let who = self.client.name();
        if let Some(error) = self.said["error"].as_str() {
            return format!("{who:<6} {scene} {compression}: not measured: {error}");
        }
        let of = |name: &str| self.figure(name).unwrap_or_default();
        match scene.as_str() {
            "operations" => format!(
                "{who:<6} operations: {} of {} right",
                of("right"),
                of("cases")
            ),
            "keys" => format!(
                "{who:<6} key to picture: drawn after {:.1} ms, on the screen after {:.1} ms",
                of("paintedP50"),
                of("shownP50")
            ),
            _ if scene.starts_with("video") => format!(
                "{who:<6} {scene} {compression}: {:.1} frames shown a second of {:.1} sent, main thread {:.1} %",
                of("framesShownPerSecond"),
                of("framesReceivedPerSecond"),
                of("mainBusy") * 100.0
            ),
            _ => format!(
                "{who:<6} {scene} {compression}: {:.1} drawings a second, {:.0} ms behind, main thread {:.1} %",
                of("drawsPerSecond"),
                of("lagMs"),
                of("mainBusy") * 100.0
            ),
        }
    }
}

/// A figure that rows have: its name with the scripts, how it is called, what multiplies it for
/// people, and its unit.
pub const FIGURES: &[(&str, &str, f64, &str)] = &[
    ("firstFrameMs", "first picture", 1.0, "ms"),
    ("drawsPerSecond", "drawings", 1.0, "/s"),
    ("framesShownPerSecond", "frames shown", 1.0, "/s"),
    ("framesReceivedPerSecond", "frames sent", 1.0, "/s"),
    ("mainBusy", "main thread", 100.0, "%"),
    ("rendererCpuMsPerItem", "CPU per item", 1.0, "ms"),
    ("megabytes", "bytes", 1.0, "MB"),
    ("memoryMegabytes", "memory", 1.0, "MB"),
    ("lagMs", "lag", 1.0, "ms"),
    ("psnr", "likeness", 1.0, "dB"),
    ("serverBusy", "server", 100.0, "%"),
];

/// The medians of one subject.
#[derive(Debug, Default, PartialEq)]
pub struct Medians(BTreeMap<(Client, &'static str), f64>);

impl Medians {
    /// The median of a figure.
    pub fn get(&self, client: Client, figure: &'static str) -> Option<f64> {
        self.0.get(&(client, figure)).copied()
    }

    /// Ours divided by theirs.
    pub fn ratio(&self, figure: &'static str) -> Option<f64> {
        let theirs = self.get(Client::Theirs, figure).filter(|v| *v > 0.0)?;
        Some(self.get(Client::Ours, figure)? / theirs)
    }
}

/// An aim and what became of it.
#[derive(Debug, PartialEq)]
pub struct Aim {
    /// What is to be.
    pub aim: String,
    /// What is, in words.
    pub measured: String,
    /// Whether it was reached; nothing where it was not measured.
    pub reached: Option<bool>,
}

/// All that came out.
#[derive(Debug)]
pub struct Report {
    /// By scene and compression, in the order of measuring.
    pub subjects: Vec<((String, String), Medians)>,
    /// The aims.
    pub aims: Vec<Aim>,
    /// The least and the greatest load of the machine, as the kernel averages it over a minute.
    pub load: Option<(f64, f64)>,
    /// Processors of the machine.
    pub cores: f64,
}

impl Report {
    /// Judges.
    pub fn new(runs: &[Run]) -> Self {
        let mut subjects: Vec<((String, String), Medians)> = Vec::new();
        for run in runs {
            if !subjects.iter().any(|(subject, _)| *subject == run.subject) {
                subjects.push((run.subject.clone(), medians(runs, &run.subject)));
            }
        }
        let aims = aims(&subjects);
        let loads = || runs.iter().filter_map(|run| run.figure("load"));
        let load = loads().reduce(f64::min).zip(loads().reduce(f64::max));
        let cores = std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64);
        Self {
            subjects,
            aims,
            load,
            cores,
        }
    }

    /// The aims as they are kept in the file.
    pub fn verdicts(&self) -> Vec<Value> {
        let verdict =
            |aim: &Aim| json!({ "aim": aim.aim, "measured": aim.measured, "reached": aim.reached });
        self.aims.iter().map(verdict).collect()
    }

    /// Whether anything was measured.
    pub fn measured(&self) -> bool {
        self.subjects
            .iter()
            .any(|(_, medians)| !medians.0.is_empty())
    }

    /// The medians as they are kept in the file.
    pub fn rows(&self) -> Vec<Value> {
        let side = |medians: &Medians, client: Client| -> Value {
            medians
                .0
                .iter()
                .filter(|((who, _), _)| *who == client)
                .map(|((_, name), value)| ((*name).to_owned(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        self.subjects
            .iter()
            .map(|((scene, compression), medians)| {
                json!({
                    "scene": scene,
                    "compression": compression,
                    "ours": side(medians, Client::Ours),
                    "theirs": side(medians, Client::Theirs),
                })
            })
            .collect()
    }
}

/// Figures of runs that are no rows of the large table.
const OTHER_FIGURES: [&str; 4] = ["right", "cases", "paintedP50", "shownP50"];

fn medians(runs: &[Run], subject: &(String, String)) -> Medians {
    let mut all = BTreeMap::new();
    let names = FIGURES.iter().map(|(name, ..)| *name).chain(OTHER_FIGURES);
    for name in names {
        for client in [Client::Ours, Client::Theirs] {
            let of = |run: &&Run| run.client == client && run.subject == *subject;
            let values: Vec<f64> = runs
                .iter()
                .filter(of)
                .filter_map(|r| r.figure(name))
                .collect();
            if let Some(median) = median(values) {
                all.insert((client, name), median);
            }
        }
    }
    Medians(all)
}

/// The middle one; of an even number the mean of the two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

fn aims(subjects: &[((String, String), Medians)]) -> Vec<Aim> {
    let of = |scene: &str, compression: &str| {
        let found = |(subject, _): &&((String, String), Medians)| {
            subject.0 == scene && subject.1 == compression
        };
        subjects.iter().find(found).map(|(_, medians)| medians)
    };
    let mut aims = Vec::new();
    let faster = [
        ("desktop", "quic", 5.0),
        ("desktop", "lz", 5.0),
        ("photo", "quic", 5.0),
        ("photo", "lz", 5.0),
        ("photo", "jpeg", 2.0),
    ];
    for (scene, compression, times) in faster {
        let medians = of(scene, compression);
        let ratio = medians.and_then(|m| m.ratio("drawsPerSecond"));
        let server = medians.and_then(|m| m.get(Client::Ours, "serverBusy"));
        aims.push(aim(
            format!("{scene}, {compression}: at least {times} × as many drawings a second"),
            ratio,
            |ratio| ratio >= times,
            |ratio| match server {
                Some(server) => format!(
                    "{ratio:.1} ×; the server used {:.0} % of a core",
                    server * 100.0
                ),
                None => format!("{ratio:.1} ×"),
            },
        ));
    }
    for (scene, wanted) in [("video720", 55.0), ("video1080", 30.0)] {
        aims.push(video(scene, wanted, subjects));
    }
    aims.push(aim(
        "key to picture: at most 0.6 × the time".to_owned(),
        of("keys", "").and_then(|m| m.ratio("paintedP50")),
        |ratio| ratio <= 0.6,
        |ratio| {
            let shown = of("keys", "").and_then(|m| m.ratio("shownP50"));
            let shown = shown.map_or_else(String::new, |r| {
                format!("; until it is on the screen {r:.2} ×")
            });
            format!("{ratio:.2} ×{shown}")
        },
    ));
    let scenes = || {
        subjects
            .iter()
            .filter(|((_, compression), _)| !compression.is_empty())
    };
    let worst = |figure: &'static str| {
        scenes()
            .filter_map(|(subject, medians)| Some((medians.get(Client::Ours, figure)?, subject)))
            .max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let where_it_is = |subject: Option<(f64, &(String, String))>| {
        subject.map_or_else(String::new, |(_, (scene, how))| format!("{scene}, {how}"))
    };
    let busy = worst("mainBusy");
    aims.push(aim(
        "main thread at most 5 % busy in every scene".to_owned(),
        busy.map(|(value, _)| value),
        |busy| busy <= 0.05,
        |value| format!("{:.1} % at most ({})", value * 100.0, where_it_is(busy)),
    ));
    let lag = worst("lagMs");
    aims.push(aim(
        "lag at most 200 ms in every scene".to_owned(),
        lag.map(|(value, _)| value),
        |lag| lag <= 200.0,
        |value| format!("{value:.0} ms at most ({})", where_it_is(lag)),
    ));
    let operations = of("operations", "");
    let cases = operations
        .and_then(|m| m.get(Client::Ours, "cases"))
        .unwrap_or(52.0);
    let theirs = operations.and_then(|m| m.get(Client::Theirs, "right"));
    aims.push(aim(
        format!("{cases} of {cases} drawing operations exact"),
        operations.and_then(|m| m.get(Client::Ours, "right")),
        |right| right >= cases,
        |right| match theirs {
            Some(theirs) => format!("{right} (the peer {theirs})"),
            None => format!("{right}"),
        },
    ));
    aims
}

/// The best codec decides, for client and server agree on one; what a server's encoder does not
/// make cannot be shown.
fn video(scene: &str, wanted: f64, subjects: &[((String, String), Medians)]) -> Aim {
    let mut best: Option<f64> = None;
    let mut reached = false;
    let mut words = Vec::new();
    for ((_, codec), medians) in subjects.iter().filter(|(subject, _)| subject.0 == scene) {
        let figure = |client, name| medians.get(client, name);
        let Some(shown) = figure(Client::Ours, "framesShownPerSecond") else {
            continue;
        };
        let sent = figure(Client::Ours, "framesReceivedPerSecond").unwrap_or_default();
        let theirs = figure(Client::Theirs, "framesShownPerSecond")
            .map_or_else(String::new, |n| format!(" (the peer {n:.1})"));
        words.push(format!("{codec} {shown:.1} of {sent:.1} sent{theirs}"));
        reached |= shown >= wanted;
        best = Some(best.unwrap_or_default().max(shown));
    }
    aim(
        format!("{scene}: at least {wanted} frames shown a second where the encoder keeps up"),
        best,
        |_| reached,
        |_| words.join(", "),
    )
}

fn aim(
    aim: String,
    value: Option<f64>,
    reached: impl Fn(f64) -> bool,
    words: impl Fn(f64) -> String,
) -> Aim {
    Aim {
        aim,
        measured: value.map_or_else(|| "not measured".to_owned(), &words),
        reached: value.map(reached),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(client: &str, scene: &str, compression: &str, result: Value) -> Run {
        Run::read(&json!({
            "item": { "kind": "scene", "client": client, "scene": scene, "compression": compression },
            "result": result,
        }))
        .unwrap()
    }

    fn verdict(report: &Report, start: &str) -> Option<bool> {
        report
            .aims
            .iter()
            .find(|aim| aim.aim.starts_with(start))
            .unwrap()
            .reached
    }

    #[test]
    fn one_slow_round_does_not_decide() {
        assert_eq!(median(vec![3.0, 1.0, 100.0]), Some(3.0));
        assert_eq!(median(vec![4.0, 2.0]), Some(3.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn an_aim_is_reached_by_the_ratio_of_medians() {
        let draws = |n: f64| json!({ "drawsPerSecond": n });
        let runs = [
            run("ours", "photo", "quic", draws(50.0)),
            run("theirs", "photo", "quic", draws(9.0)),
            run("ours", "photo", "lz", draws(40.0)),
            run("theirs", "photo", "lz", draws(9.0)),
        ];
        let report = Report::new(&runs);
        assert_eq!(verdict(&report, "photo, quic"), Some(true));
        assert_eq!(verdict(&report, "photo, lz"), Some(false));
        assert_eq!(verdict(&report, "photo, jpeg"), None);
    }

    #[test]
    fn the_codec_that_shows_most_decides() {
        let frames = |shown: f64, sent: f64| json!({ "framesShownPerSecond": shown, "framesReceivedPerSecond": sent });
        let slow = || run("ours", "video1080", "mjpeg", frames(25.0, 25.0));
        assert_eq!(verdict(&Report::new(&[slow()]), "video1080"), Some(false));
        let report = Report::new(&[
            slow(),
            run("theirs", "video1080", "mjpeg", frames(9.0, 12.0)),
            run("ours", "video1080", "h264", frames(52.0, 52.0)),
        ]);
        assert_eq!(verdict(&report, "video1080"), Some(true));
        let aim = report
            .aims
            .iter()
            .find(|aim| aim.aim.starts_with("video1080"))
            .unwrap();
        assert!(
            aim.measured
                .starts_with("mjpeg 25.0 of 25.0 sent (the peer 9.0), h264 52.0"),
            "{}",
            aim.measured
        );
    }

    #[test]
    fn the_worst_scene_decides_about_the_main_thread() {
        let busy = |part: f64| json!({ "mainBusy": part });
        let runs = [
            run("ours", "desktop", "quic", busy(0.02)),
            run("ours", "photo", "quic", busy(0.07)),
            run("theirs", "photo", "quic", busy(0.9)),
        ];
        let report = Report::new(&runs);
        assert_eq!(verdict(&report, "main thread"), Some(false));
        let aim = report
            .aims
            .iter()
            .find(|aim| aim.aim.starts_with("main"))
            .unwrap();
        assert_eq!(aim.measured, "7.0 % at most (photo, quic)");
    }

    #[test]
    fn what_failed_counts_as_not_measured() {
        let failed = Run::read(&json!({
            "item": { "kind": "scene", "client": "ours", "scene": "photo", "compression": "lz" },
            "error": "no first picture in 30000 ms",
        }))
        .unwrap();
        assert!(failed.sentence().contains("no first picture"));
        assert!(!Report::new(&[failed]).measured());
    }
}
