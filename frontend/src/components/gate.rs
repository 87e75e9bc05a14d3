//! What stands before every page, a console's too: who is not logged in gets the
//! login page; messages are shown over either.

use crate::app::{App, Login, Toast, app};
use crate::components::login::{LoginPage, pass_the_door};
use crate::components::status::mark;
use crate::route::Route;
use crate::store::{Status, Tone};
use crate::text::t;
use crate::ui::button::IconButton;
use crate::ui::each::{each, member};
use crate::ui::icon::icon;
use leptos::prelude::*;

#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Nothing,
    Login,
    Inside,
}

/// The login page, or what is behind it.
#[component]
pub fn Gate(
    /// What is shown to those who are logged in.
    #[prop(into)]
    inside: ViewFn,
) -> AnyView {
    let app = app();
    Effect::new(move |_| pass_the_door(app));
    let shown = Memo::new(move |_| match app.login.get() {
        Login::Asking => Shown::Nothing,
        Login::Out(_) => Shown::Login,
        Login::In(session) if session.must_change_password => Shown::Login,
        Login::In(_) if app.navigation.route.get() == Route::Door => Shown::Nothing,
        Login::In(_) => Shown::Inside,
    });
    view! {
        {move || match shown.get() {
            Shown::Nothing => view! { <main id="main" class="sf-boot"><span class="sf-brand">{icon("mark")}"Saffron"</span></main> }.into_any(),
            Shown::Login => view! { <LoginPage/> }.into_any(),
            Shown::Inside => inside.run(),
        }}
        <Toasts/>
    }
    .into_any()
}

/// Messages in the corner.
#[component]
fn Toasts() -> AnyView {
    let app = app();
    let notes = move || {
        let toasts = app.toasts.get().into_iter();
        toasts
            .map(|toast| member(toast.key.to_string(), move || note(app, &toast)))
            .collect()
    };
    view! { <div class="sf-toasts" role="region" aria-label=t("Messages") aria-live="polite">{each(notes)}</div> }.into_any()
}

fn note(app: App, toast: &Toast) -> AnyView {
    let key = toast.key;
    let (icon, role) = match toast.tone {
        Tone::Bad => ("st-error", "alert"),
        Tone::Warn => ("st-warn", "alert"),
        Tone::Busy => ("st-starting", "status"),
        Tone::Ok => ("st-ok", "status"),
        Tone::Off => ("st-info", "status"),
    };
    view! {
        <div class="sf-note" role=role>
            {mark(Status::new("", icon, toast.tone))}
            <div class="sf-stack">
                <p class="sf-strong">{toast.title.clone()}</p>
                {toast.lines.iter().map(|line| view! { <p class="sf-dim">{line.clone()}</p> }).collect_view()}
                {toast.correlation.clone().map(|id| view! { <p class="sf-sub-row">{t("Correlation")}" "{crate::ui::button::copyable(id)}</p> })}
            </div>
            <IconButton name=t("Close message") icon="close" on_press=move |()| app.unsay(key)/>
        </div>
    }
    .into_any()
}
