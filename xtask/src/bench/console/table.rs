//! The report as text: one row a scene, ours over theirs, and the aims below.

use std::fmt::Write;

use super::judge::{Client, FIGURES, Report};

/// Everything that a person reads at the end.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = rows(&mut out, report);
    let _ = aims(&mut out, report);
    if let Some((least, most)) = report.load {
        let _ = write!(
            out,
            "\nLoad of the machine meanwhile: {least:.1} to {most:.1}"
        );
        if most > report.cores + 2.0 {
            let _ = write!(
                out,
                "; something else was at work, so that both clients had less than the machine"
            );
        }
        out.push('\n');
    }
    out
}

fn rows(out: &mut String, report: &Report) -> std::fmt::Result {
    for ((scene, compression), medians) in &report.subjects {
        if compression.is_empty() {
            continue;
        }
        writeln!(out, "\n{scene}, {compression}")?;
        writeln!(
            out,
            "  {:<16}{:>14}{:>14}{:>10}",
            "", "saffron", "spice-html5", "ratio"
        )?;
        for (name, words, times, unit) in FIGURES {
            let show = |client| {
                let value = medians.get(client, name)? * times;
                Some(format!("{} {unit}", round(value)))
            };
            let (ours, theirs) = (show(Client::Ours), show(Client::Theirs));
            // A desktop has no frames of video.
            let of_video =
                name.starts_with("frames") && !scene.starts_with("video") && scene != "mixed";
            if (ours.is_none() && theirs.is_none()) || of_video {
                continue;
            }
            let none = || "–".to_owned();
            let ratio = medians.ratio(name).map_or_else(none, |r| format!("{r:.2}"));
            writeln!(
                out,
                "  {words:<16}{:>14}{:>14}{ratio:>10}",
                ours.unwrap_or_else(none),
                theirs.unwrap_or_else(none)
            )?;
        }
    }
    Ok(())
}

fn aims(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "\nAims")?;
    for aim in &report.aims {
        let mark = match aim.reached {
            Some(true) => "reached",
            Some(false) => "MISSED",
            None => "–",
        };
        writeln!(out, "  {mark:<8} {}: {}", aim.aim, aim.measured)?;
    }
    Ok(())
}

/// Three digits that count.
fn round(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::judge::Run;
    use super::*;

    #[test]
    fn a_row_has_both_clients_and_their_ratio() {
        let run = |client: &str, draws: f64| {
            Run::read(&json!({
                "item": { "kind": "scene", "client": client, "scene": "photo", "compression": "lz" },
                "result": { "drawsPerSecond": draws },
            }))
            .unwrap()
        };
        let text = text(&Report::new(&[run("ours", 50.0), run("theirs", 8.0)]));
        let row = text
            .lines()
            .find(|line| line.contains("drawings "))
            .unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words, ["drawings", "50.0", "/s", "8.00", "/s", "6.25"]);
        assert!(text.contains("reached  photo, lz"), "{text}");
    }
}
