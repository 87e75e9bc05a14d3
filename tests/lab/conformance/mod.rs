//! Everything that a real libspice-server can be made to draw, case by case, held pixel for pixel
//! against what its own renderer made of it. The cases are made over tables: image formats,
//! compressions, operations, raster operations, brushes, masks, clips, scales, surface formats.
//! What was found is written to CONFORMANCE.md ([`document`]).

mod caches;
mod document;
mod images;
mod painting;
mod streams;
mod surfaces;
mod vectors;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use spice::Config;
use spice::link::ChannelType;
use spice::message::types::ImageType;

use super::client::Client;
use super::draw_server::Rendering;

/// The screen on which cases are drawn, each in a cell of its own.
const SCREEN: (usize, usize) = (1280, 960);
/// What a case has to itself. It must not draw outside.
const CELL: (usize, usize) = (80, 60);
/// Cases that fit.
const PAGE: usize = SCREEN.0 / CELL.0 * (SCREEN.1 / CELL.1);
/// Most mismatches of a stage that are told one by one.
const TOLD: usize = 25;

/// One thing to draw.
pub struct Case {
    /// The line of the document that counts it.
    pub row: &'static str,
    /// Commands, with places counted from the cell's corner.
    pub commands: Vec<String>,
}

/// Cases that share a server, set up in one way.
#[derive(Default)]
pub struct Stage {
    /// For the person who reads of a failure.
    pub name: String,
    /// How the server is set up before the client comes.
    pub setup: Vec<String>,
    /// Format of the screen; xrgb unless said otherwise.
    pub screen: &'static str,
    /// Drawn or made once, before all cases.
    pub prepare: Vec<String>,
    pub cases: Vec<Case>,
    /// How far colours may be off: on average over a cell, and at one pixel. Zero: exact.
    pub bound: (f64, u8),
    pub config: Config,
}

/// What came of a stage.
#[derive(Default)]
pub struct Outcome {
    /// Cases that were drawn, by line of the document.
    pub counts: BTreeMap<&'static str, usize>,
    /// Kinds of image that came.
    pub images: BTreeMap<ImageType, u64>,
    /// Display messages that came.
    pub messages: BTreeMap<u16, u64>,
    pub mismatches: Vec<String>,
    /// The largest average difference of a cell that was within the bound.
    pub worst: f64,
}

impl Outcome {
    fn join(&mut self, other: Self) {
        for (row, count) in other.counts {
            *self.counts.entry(row).or_default() += count;
        }
        for (kind, count) in other.images {
            *self.images.entry(kind).or_default() += count;
        }
        for (kind, count) in other.messages {
            *self.messages.entry(kind).or_default() += count;
        }
        self.mismatches.extend(other.mismatches);
        self.worst = self.worst.max(other.worst);
    }
}

/// Draws all cases of some stages, one stage after the other.
pub fn run(stages: Vec<Stage>) -> Outcome {
    let mut outcome = Outcome::default();
    for stage in stages {
        outcome.join(stage.run());
    }
    outcome
}

impl Stage {
    fn run(self) -> Outcome {
        let mut outcome = Outcome::default();
        let screen = if self.screen.is_empty() {
            "xrgb"
        } else {
            self.screen
        };
        let mut setup: Vec<&str> = self.setup.iter().map(String::as_str).collect();
        let primary = format!("primary size={},{} format={screen}", SCREEN.0, SCREEN.1);
        // A screen of this format cannot be sent to a client that comes: it has to come before.
        let late = screen == "565";
        setup.push(if late { "primary size=64,48" } else { &primary });
        let mut client = Client::start_as(self.config.clone(), &setup);
        client.connect("");
        if late {
            client.catch_up();
            client.command("primary_destroy");
            client.command(&primary);
        }
        client.commands(&self.prepare);
        for page in self.cases.chunks(PAGE) {
            self.page(&mut client, page, &mut outcome);
        }
        let statistics = client.session.statistics();
        outcome.images = statistics.images.clone();
        for ((channel, kind), count) in &statistics.messages {
            if *channel == ChannelType::DISPLAY {
                outcome.messages.insert(*kind, *count);
            }
        }
        outcome
    }

    fn page(&self, client: &mut Client, page: &[Case], outcome: &mut Outcome) {
        let mut commands = vec![
            "origin at=0,0".to_owned(),
            if self.screen == "555" || self.screen == "565" {
                // What a screen of 16 bits can be given as an image depends on the server.
                format!("fill box=0,0,{},{} colour=0x2d6b", SCREEN.0, SCREEN.1)
            } else {
                format!("copy box=0,0,{},{} image=0", SCREEN.0, SCREEN.1)
            },
        ];
        for (number, case) in page.iter().enumerate() {
            let (x, y) = corner(number);
            commands.push(format!("origin at={x},{y}"));
            commands.extend(case.commands.iter().cloned());
            *outcome.counts.entry(case.row).or_default() += 1;
        }
        client.commands(&commands);
        client.catch_up();
        let problems = client.problems();
        if !problems.is_empty() {
            outcome.mismatches.push(format!(
                "{}: {} messages not understood, the first: {:?}",
                self.name,
                problems.len(),
                problems[0]
            ));
            client
                .events
                .retain(|event| !matches!(event, spice::Event::Problem(_)));
        }
        let expected = client.render(0);
        let ours = client.session.screen().expect("there is a screen").pixels;
        for (number, case) in page.iter().enumerate() {
            if let Some(difference) = self.difference(ours, &expected, corner(number), outcome) {
                if outcome.mismatches.len() < TOLD {
                    outcome.mismatches.push(format!(
                        "{}: {}: {}: {difference}",
                        self.name,
                        case.row,
                        case.commands.join(" | ")
                    ));
                } else if outcome.mismatches.len() == TOLD {
                    outcome.mismatches.push(format!("{}: and more", self.name));
                }
            }
        }
    }

    /// Says how a cell differs, if it does by more than it may.
    fn difference(
        &self,
        ours: &[u8],
        expected: &Rendering,
        (left, top): (usize, usize),
        outcome: &mut Outcome,
    ) -> Option<String> {
        let (mut wrong, mut sum, mut most) = (0, 0u64, 0);
        let mut first = String::new();
        for y in top..top + CELL.1 {
            for x in left..left + CELL.0 {
                let at = (y * SCREEN.0 + x) * 4;
                let (a, b) = (&ours[at..at + 3], &expected.pixels[at..at + 3]);
                if a != b {
                    if wrong == 0 {
                        let _ = write!(
                            first,
                            "first at {},{} where we have {a:02x?} and the server {b:02x?}",
                            x - left,
                            y - top
                        );
                    }
                    wrong += 1;
                    for (a, b) in a.iter().zip(b) {
                        sum += u64::from(a.abs_diff(*b));
                        most = most.max(a.abs_diff(*b));
                    }
                }
            }
        }
        let mean = sum as f64 / (CELL.0 * CELL.1 * 3) as f64;
        if mean <= self.bound.0 && most <= self.bound.1 {
            outcome.worst = outcome.worst.max(mean);
            return None;
        }
        Some(format!(
            "{wrong} pixels, by {mean:.2} on average and {most} at most, {first}"
        ))
    }
}

fn corner(number: usize) -> (usize, usize) {
    let columns = SCREEN.0 / CELL.0;
    (number % columns * CELL.0, number / columns * CELL.1)
}

/// Shorthand for a case of one command.
fn case(row: &'static str, command: impl Into<String>) -> Case {
    Case {
        row,
        commands: vec![command.into()],
    }
}

#[track_caller]
fn assert_conforms(outcome: &Outcome) {
    assert!(
        outcome.mismatches.is_empty(),
        "{}",
        outcome.mismatches.join("\n")
    );
}
