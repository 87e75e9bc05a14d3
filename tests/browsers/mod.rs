//! The console in every browser that Debian has: the picture, the keyboard, the pointer, video and
//! connecting anew, each against a real libspice-server that draws on command.

mod input;
mod lacking;
mod picture;
mod stage;
mod video;

/// The same test in each browser.
macro_rules! in_every_browser {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        mod chromium { $crate::browsers::in_every_browser!(@ Chromium $($(#[$meta])* $name;)*); }
        mod firefox { $crate::browsers::in_every_browser!(@ Firefox $($(#[$meta])* $name;)*); }
        mod webkit { $crate::browsers::in_every_browser!(@ WebKit $($(#[$meta])* $name;)*); }
    };
    (@ $engine:ident $($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() -> anyhow::Result<()> {
            super::$name(tests::browsers::Engine::$engine).await
        }
    )*};
}

pub(crate) use in_every_browser;
