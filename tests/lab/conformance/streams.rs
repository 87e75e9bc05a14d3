//! Video streams of a real server, in the codec that the core decodes itself.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use spice::link::ChannelType;
use spice::message::display;

use super::super::client::Client;
use super::{Outcome, assert_conforms};

/// How far a frame may be off on average over the screen, while it plays.
pub const BOUND: f64 = 4.0;
const ROW: &str = "stream, MJPEG";
const PATIENCE: Duration = Duration::from_secs(15);

fn seen(client: &Client, kind: u16) -> bool {
    let messages = &client.session.statistics().messages;
    messages.contains_key(&(ChannelType::DISPLAY, kind))
}

fn mean_difference(client: &mut Client) -> f64 {
    client.catch_up();
    let expected = client.render(0);
    let screen = client.session.screen().expect("there is a screen");
    let differences = screen.pixels.iter().zip(&expected.pixels);
    let sum: u64 = differences.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / expected.pixels.len() as f64
}

/// Plays until a message of this kind has come.
fn play(client: &mut Client, kind: u16, each: &[&str]) {
    let end = Instant::now() + PATIENCE;
    let mut frame = 0;
    while !seen(client, kind) && Instant::now() < end {
        frame += 1;
        for command in each {
            let command = command.replace("IMAGE", &(frame % 3 + 1).to_string());
            client.command(&command);
        }
        client.catch_up();
    }
}

/// What a real server's video came to.
pub fn all() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let mut outcome = Outcome::default();
        let mut client = Client::start(&[
            "streaming mode=all",
            "codecs list=spice:mjpeg",
            "primary size=320,240",
        ]);
        client.connect("");
        client.command("image name=0 format=32 size=320,240 pattern=text");
        client.command("copy box=0,0,320,240 image=0");
        for seed in 1..=3 {
            client.command(&format!(
                "image name={seed} format=32 size=160,120 pattern=photo seed={seed}"
            ));
        }
        let frame = "copy box=80,60,160,120 image=IMAGE";
        for (kind, what, commands) in [
            (display::STREAM_DATA, "frames", vec![frame]),
            (
                display::STREAM_CLIP,
                "a window over it",
                vec![frame, "fill box=100,80,40,30 colour=0x204060"],
            ),
        ] {
            play(&mut client, kind, &commands);
            *outcome.counts.entry(ROW).or_default() += 1;
            if !seen(&client, kind) {
                outcome.mismatches.push(format!("{what}: did not come"));
            }
            let mean = mean_difference(&mut client);
            outcome.worst = outcome.worst.max(mean);
            if mean > BOUND {
                outcome
                    .mismatches
                    .push(format!("{what}: off by {mean} on average"));
            }
        }
        // When nothing moves any more, the server sends what is there without loss.
        let end = Instant::now() + PATIENCE;
        let mut mean = 1.0;
        while mean > 0.0 && Instant::now() < end {
            mean = mean_difference(&mut client);
        }
        *outcome.counts.entry(ROW).or_default() += 1;
        if mean > 0.0 {
            outcome
                .mismatches
                .push(format!("at rest the screen is off by {mean} on average"));
        }
        client.wait("the stream's end", |client| {
            seen(client, display::STREAM_DESTROY)
        });
        for ((channel, kind), count) in &client.session.statistics().messages {
            if *channel == ChannelType::DISPLAY {
                outcome.messages.insert(*kind, *count);
            }
        }
        for problem in client.problems() {
            outcome.mismatches.push(format!("{problem:?}"));
        }
        outcome
    })
}

#[test]
fn a_stream_is_near_enough_while_it_plays_and_exact_at_rest() {
    assert_conforms(all());
}
