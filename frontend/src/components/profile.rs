//! Profile: who I am, my password, how the portal looks to me.

use crate::app::{Theme, app};
use crate::components::password::PasswordForm;
use crate::store::Tone;
use crate::text::t;
use crate::ui::button::copyable_id;
use crate::ui::form::Segments;
use crate::ui::page::{Head, fact, facts, section};
use leptos::prelude::*;

/// The page.
#[component]
pub fn ProfilePage() -> AnyView {
    let app = app();
    let themes = [Theme::System, Theme::Light, Theme::Dark];
    let chosen = RwSignal::new(
        themes
            .iter()
            .position(|theme| *theme == app.theme.get_untracked())
            .unwrap_or(0),
    );
    Effect::new(move |before: Option<usize>| {
        let now = chosen.get();
        if before.is_some_and(|before| before != now) {
            app.set_theme(themes[now.min(2)]);
        }
        now
    });
    let who = move || {
        app.session().map(|session| {
            facts(vec![
                (t("User name"), fact(session.name.clone())),
                (
                    t("Role"),
                    fact(if session.administrator {
                        t("Administrator")
                    } else {
                        t("User")
                    }),
                ),
                (t("ID"), copyable_id(&session.user)),
            ])
        })
    };
    view! {
        <Head title=t("Profile")/>
        <div class="sf-pad">
            <div class="sf-grid is-2">
                {section(t("You"), (), who)}
                {section(t("Colours"), (), view! {
                    <Segments label=t("Colours") words=vec![t("System"), t("Light"), t("Dark")] value=chosen/>
                    <p class="sf-help">{t("Kept in this browser.")}</p>
                })}
                {section(t("Password"), (), view! {
                    <PasswordForm on_changed=move |()| app.say(Tone::Ok, t("Your password was changed"), vec![t("Other sessions of yours have ended.").to_owned()], None)/>
                })}
            </div>
        </div>
    }
    .into_any()
}
