//! What the whole portal shares: the store, who is logged in, where the page
//! is, the stream's state, messages, uploads, theme and the time of day. Lives
//! as long as the page, so tasks may touch its signals whenever they end.

use crate::client::session::{self, Session};
use crate::client::{self, Fault};
use crate::live::{Live, LiveState};
use crate::navigation::Navigation;
use crate::store::{Store, Tone};
use crate::text::t;
use crate::upload::Uploads;
use crate::work::Works;
use leptos::prelude::*;
use std::cell::RefCell;
use std::time::Duration;

thread_local! {
    static LIVE: RefCell<Option<Live>> = const { RefCell::new(None) };
}

/// Which of the two programs this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portal {
    /// For those who run the site.
    Administration,
    /// For those who use its machines.
    User,
}

/// Who is at this browser.
#[derive(Clone, Debug, PartialEq)]
pub enum Login {
    /// The server is being asked.
    Asking,
    /// Nobody; the sentence says why, if somebody was.
    Out(Option<String>),
    /// This person.
    In(Session),
}

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// As it is kept.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    fn kept() -> Theme {
        match storage()
            .and_then(|storage| storage.get_item("saffron-theme").ok().flatten())
            .as_deref()
        {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        }
    }
}

/// What the browser keeps for this site, if it lets us.
#[must_use]
pub fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// A message in the corner.
#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    /// Tells it from the others.
    pub key: u32,
    /// Its colour.
    pub tone: Tone,
    /// What happened.
    pub title: String,
    /// Why, what to do.
    pub lines: Vec<String>,
    /// Finds it in the log.
    pub correlation: Option<String>,
}

/// What the whole portal shares.
#[derive(Clone, Copy)]
pub struct App {
    /// Which portal.
    pub portal: Portal,
    /// All resources.
    pub store: &'static Store,
    /// Where the page is.
    pub navigation: Navigation,
    /// Who is logged in.
    pub login: RwSignal<Login>,
    /// Whether the store is up to date.
    pub live: RwSignal<LiveState>,
    /// Messages in the corner.
    pub toasts: RwSignal<Vec<Toast>>,
    /// How many dialogs lie over the page.
    pub veils: RwSignal<usize>,
    /// Whether the palette is open.
    pub palette: RwSignal<bool>,
    /// Milliseconds since 1970, a few times a minute.
    pub clock: RwSignal<f64>,
    /// Light or dark.
    pub theme: RwSignal<Theme>,
    /// Uploads of this page.
    pub uploads: Uploads,
    /// Writes of several steps.
    pub works: Works,
    next_key: RwSignal<u32>,
}

/// What the whole portal shares.
#[must_use]
pub fn app() -> App {
    expect_context::<App>()
}

impl App {
    /// Makes it and asks who is logged in.
    #[must_use]
    pub fn start(portal: Portal) -> App {
        let app = App {
            portal,
            // One for the page's whole life, so that everything can hold on to it.
            store: Box::leak(Box::default()),
            navigation: Navigation::start(),
            login: RwSignal::new(Login::Asking),
            live: RwSignal::new(LiveState::Connecting),
            toasts: RwSignal::new(Vec::new()),
            veils: RwSignal::new(0),
            palette: RwSignal::new(false),
            clock: RwSignal::new(crate::task::now()),
            theme: RwSignal::new(Theme::kept()),
            uploads: Uploads::default(),
            works: Works::default(),
            next_key: RwSignal::new(0),
        };
        client::set_filtered(portal == Portal::User);
        client::on_logged_out(move || {
            app.logged_out(Some(
                t("Your session has ended. Log in again to go on.").to_owned(),
            ))
        });
        set_interval(
            move || app.clock.set(crate::task::now()),
            Duration::from_secs(5),
        );
        Effect::new(move |_| app.show_theme());
        if let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") {
            // The system may change its mind while we are open.
            let listener =
                wasm_bindgen::closure::Closure::<dyn Fn()>::new(move || app.show_theme())
                    .into_js_value();
            query.set_onchange(Some(wasm_bindgen::JsCast::unchecked_ref(&listener)));
            // INVARIANT: the query object must live as long as the page for its events to come.
            std::mem::forget(query);
        }
        crate::task::run(async move { app.check_session().await });
        app
    }

    /// Asks the server who is logged in, and acts on the answer.
    pub async fn check_session(self) {
        match session::current().await {
            Ok(session) => self.logged_in(session),
            Err(fault) if fault.status == 401 => {
                let known = matches!(self.login.get_untracked(), Login::In(_));
                self.logged_out(
                    known.then(|| t("Your session has ended. Log in again to go on.").to_owned()),
                );
            }
            // Not an answer about the session; if nothing is known yet, the login page can say so.
            Err(fault) => {
                if self.login.get_untracked() == Login::Asking {
                    self.logged_out(Some(fault.text()));
                }
            }
        }
    }

    /// Somebody is logged in.
    pub fn logged_in(self, session: Session) {
        let same = self
            .login
            .with_untracked(|login| matches!(login, Login::In(before) if *before == session));
        if same {
            return;
        }
        let connect = !session.must_change_password;
        self.login.set(Login::In(session));
        if connect {
            LIVE.with(|cell| {
                let mut live = cell.borrow_mut();
                if live.is_none() {
                    *live = Some(Live::start(self));
                }
            });
        }
    }

    /// Nobody is logged in any more.
    pub fn logged_out(self, why: Option<String>) {
        LIVE.with(|cell| {
            if let Some(live) = cell.borrow_mut().take() {
                live.stop();
            }
        });
        self.login.set(Login::Out(why));
        self.palette.set(false);
        self.store.clear();
    }

    /// Tries the stream now.
    pub fn reconnect(self) {
        LIVE.with(|cell| {
            if let Some(live) = &*cell.borrow() {
                live.now();
            }
        });
    }

    /// The person at this browser, when there is one.
    #[must_use]
    pub fn session(self) -> Option<Session> {
        self.login.with(|login| {
            if let Login::In(session) = login {
                Some(session.clone())
            } else {
                None
            }
        })
    }

    fn show_theme(self) {
        let dark = match self.theme.get() {
            Theme::Dark => true,
            Theme::Light => false,
            Theme::System => window()
                .match_media("(prefers-color-scheme: dark)")
                .ok()
                .flatten()
                .is_some_and(|query| query.matches()),
        };
        if let Some(root) = document().document_element() {
            drop(
                root.class_list()
                    .toggle_with_force("pf-v6-theme-dark", dark),
            );
        }
    }

    /// Chooses a theme and remembers it.
    pub fn set_theme(self, theme: Theme) {
        if let Some(storage) = storage() {
            drop(storage.set_item("saffron-theme", theme.key()));
        }
        self.theme.set(theme);
    }

    /// A key nothing else has.
    #[must_use]
    pub fn fresh_key(self) -> u32 {
        let key = self.next_key.get_untracked().wrapping_add(1);
        self.next_key.set(key);
        key
    }

    /// Says something in the corner. What went well leaves by itself; what did not stays.
    pub fn say(
        self,
        tone: Tone,
        title: impl Into<String>,
        lines: Vec<String>,
        correlation: Option<String>,
    ) {
        let key = self.fresh_key();
        self.toasts.update(|toasts| {
            if toasts.len() >= 5 {
                toasts.remove(0);
            }
            toasts.push(Toast {
                key,
                tone,
                title: title.into(),
                lines,
                correlation,
            });
        });
        if tone >= Tone::Busy {
            set_timeout(move || self.unsay(key), Duration::from_secs(6));
        }
    }

    /// Takes a message away.
    pub fn unsay(self, key: u32) {
        self.toasts
            .update(|toasts| toasts.retain(|toast| toast.key != key));
    }

    /// Says what failed and why.
    pub fn say_fault(self, title: impl Into<String>, fault: Fault) {
        if fault.status == 401 {
            return; // The login page says it.
        }
        self.say(Tone::Bad, title, fault.sentences, fault.correlation);
    }
}
