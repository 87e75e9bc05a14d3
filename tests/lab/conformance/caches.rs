//! More pictures than the client keeps, and what is forgotten at once.

use std::sync::OnceLock;

use spice::Config;
use spice::image::CacheLimits;

use super::{Case, Outcome, Stage, assert_conforms, run};

/// A corner of a picture of 300 by 200 that the server is to keep under a name.
fn kept(number: usize) -> Case {
    let formats = ["32", "rgba", "24", "16", "8"];
    let name = (1u64 << 40) + ((number as u64) << 32);
    Case {
        row: "image cache that overflows",
        commands: vec![
            format!(
                "image name=1 format={} size=300,200 pattern=photo seed={number} cache={name}",
                formats[number % formats.len()]
            ),
            "copy box=3,2,70,50 image=1 from=100,80,70,50".to_owned(),
        ],
    }
}

fn cases() -> Vec<Case> {
    let new = 0..80;
    // Some that are long gone, some that are still there.
    let again = (0..80).step_by(3).chain(60..80);
    new.chain(again).map(kept).collect()
}

/// What a real server's caches came to.
pub fn all() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let mut outcome = Outcome::default();
        for (name, compression) in [("off", "off"), ("glz", "glz"), ("quic", "quic")] {
            let mut after_reset = cases();
            // Everything is forgotten; what comes then is named as before.
            after_reset[40]
                .commands
                .insert(0, "reset_images".to_owned());
            after_reset[90]
                .commands
                .insert(0, "reset_images".to_owned());
            outcome.join(run(vec![Stage {
                name: format!("caches by {name}"),
                setup: vec![format!("compression mode={compression}")],
                prepare: vec!["image name=0 format=32 size=1280,960 pattern=flat".to_owned()],
                cases: cases().into_iter().chain(after_reset).collect(),
                config: Config {
                    caches: CacheLimits {
                        // About twenty such pictures; the server is told half.
                        image_cache_bytes: 10 << 20,
                        glz_window_pixels: 4 << 20,
                    },
                    ..Config::default()
                },
                ..Stage::default()
            }]));
        }
        outcome
    })
}

#[test]
fn pictures_that_were_forgotten_and_named_again_are_exact() {
    assert_conforms(all());
}
