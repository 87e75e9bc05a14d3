//! Recorded conversations with real servers, replayed: each ends with the picture it ended with, and
//! nothing of it is a problem.

use std::path::PathBuf;

use spice::{ChannelRef, Config, Event, Session, VideoCodec, VideoEvent};

use crate::recording::{Record, Recording, checksum};

/// What came of a replay.
struct Replayed {
    session: Session,
    problems: Vec<String>,
    /// Coded frames that were handed out.
    frames: usize,
}

pub fn recordings() -> Vec<(String, Recording)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/session");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the recordings are there")
        .map(|entry| entry.expect("a file").path())
        .filter(|file| file.extension().is_some_and(|end| end == "session"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let packed = std::fs::read(file).expect("a recording");
            let recording = Recording::open(&packed).expect("a whole recording");
            (name.into_owned(), recording)
        })
        .collect()
}

/// Gives a new session what the server said, each time cut as `cut` says.
fn replay(recording: &Recording, cut: usize) -> (Replayed, Option<(u32, u32, u64)>) {
    let mut replayed = Replayed {
        session: Session::new(Config {
            codecs: vec![VideoCodec::Mjpeg, VideoCodec::Vp8],
            ..Config::default()
        }),
        problems: Vec::new(),
        frames: 0,
    };
    let mut end = None;
    let mut out = Vec::new();
    for record in recording.records() {
        match record {
            Record::Opened(channel, common, caps) => {
                replayed.session.opened(channel, &common, &caps, 0);
                replayed.settle(channel, &mut out);
            }
            Record::Said(channel, ms, bytes) => {
                for piece in bytes.chunks(cut) {
                    replayed
                        .session
                        .receive(channel, u64::from(ms) * 1000, piece);
                    replayed.settle(channel, &mut out);
                }
            }
            Record::Closed(channel) => replayed.session.closed(channel),
            Record::End(width, height, checksum) => end = Some((width, height, checksum)),
        }
    }
    (replayed, end)
}

impl Replayed {
    /// Does what a client does between bytes; nobody takes what it says.
    fn settle(&mut self, channel: ChannelRef, out: &mut Vec<u8>) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Problem(problem) => self.problems.push(format!("{problem:?}")),
                Event::Video(VideoEvent::Frame(frame)) => {
                    // There is no decoder here: what was under it stays.
                    self.frames += 1;
                    self.session.video_dropped(frame.frame);
                }
                Event::Damaged => self.session.take_damage(&mut Vec::new()),
                _ => {}
            }
        }
        out.clear();
        self.session.poll_transmit(channel, out);
    }

    fn screen(&self) -> (u32, u32, u64) {
        let screen = self.session.screen().expect("there is a screen");
        (screen.width, screen.height, checksum(screen.pixels))
    }
}

#[test]
fn recorded_conversations_end_with_the_picture_they_ended_with() {
    let recordings = recordings();
    assert!(recordings.len() >= 3, "there are recordings");
    for (name, recording) in recordings {
        let (replayed, end) = replay(&recording, usize::MAX);
        assert_eq!(replayed.problems, Vec::<String>::new(), "{name}");
        assert_eq!(Some(replayed.screen()), end, "{name}");
        let video = replayed.session.statistics().stream_frames as usize + replayed.frames;
        assert_eq!(
            name.starts_with("video"),
            video > 0,
            "{name}: {video} frames"
        );
    }
}

#[test]
fn it_does_not_matter_how_a_recorded_conversation_is_cut() {
    // The smallest is long enough for every kind of message.
    let (name, recording) = recordings()
        .into_iter()
        .min_by_key(|(_, recording)| recording.size())
        .expect("there are recordings");
    let (replayed, end) = replay(&recording, 977);
    assert_eq!(Some(replayed.screen()), end, "{name}");
}
