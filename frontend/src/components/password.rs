//! Choosing another password: at the first login, and on the profile page.

use crate::client::session;
use crate::task;
use crate::text::t;
use crate::ui::form::TextField;
use leptos::prelude::*;

/// The least that the server takes.
const SHORTEST: usize = 8;

/// Why the new password will not do, before the server is asked.
#[must_use]
pub fn objection(old: &str, new: &str, again: &str) -> Option<&'static str> {
    if new.chars().count() < SHORTEST {
        Some("At least 8 characters.")
    } else if new == old {
        Some("It must differ from the old one.")
    } else if new != again {
        Some("The two do not agree yet.")
    } else {
        None
    }
}

/// Old, new, new again.
#[component]
pub fn PasswordForm(
    /// What was typed to log in, when that is known.
    #[prop(optional, into)]
    old: Option<String>,
    /// It was changed.
    #[prop(into)]
    on_changed: Callback<()>,
) -> AnyView {
    let ask_old = old.is_none();
    let old = RwSignal::new(old.unwrap_or_default());
    let new = RwSignal::new(String::new());
    let again = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let refused = RwSignal::new(None::<String>);
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let (old_now, new_now) = (old.get_untracked(), new.get_untracked());
        if busy.get_untracked() {
            return;
        }
        if let Some(why) = objection(&old_now, &new_now, &again.get_untracked()) {
            refused.set(Some(t(why).to_owned()));
            return;
        }
        busy.set(true);
        refused.set(None);
        task::run(async move {
            let outcome = session::change_password(&old_now, &new_now).await;
            let _: Option<bool> = busy.try_set(false);
            match outcome {
                Ok(()) => {
                    let _ = on_changed.try_run(());
                }
                Err(fault) => {
                    let _ = refused.try_set(Some(fault.text()));
                }
            }
        });
    };
    view! {
        <form class="sf-stack is-12" on:submit=submit>
            {ask_old.then(|| view! { <TextField id="old-password" label=t("Present password") value=old kind="password" autocomplete="current-password"/> })}
            <TextField id="new-password" label=t("New password") value=new kind="password" autocomplete="new-password" help=t("At least 8 characters; a sentence is a good one.")/>
            <TextField id="new-again" label=t("New password, again") value=again kind="password" autocomplete="new-password"/>
            <div role="alert">{move || refused.get().map(|why| crate::ui::page::reason("sf-reason is-bad", "st-error", why))}</div>
            <button class="pf-v6-c-button pf-m-primary pf-m-block" type="submit" aria-disabled=move || busy.get().then_some("true")>
                {move || if busy.get() { t("Changing…") } else { t("Change the password") }}
            </button>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::objection;

    #[test]
    fn a_password_that_will_not_do_is_stopped_with_the_reason() {
        assert_eq!(
            objection("old-secret", "short", "short"),
            Some("At least 8 characters.")
        );
        assert_eq!(
            objection("the same one", "the same one", "the same one"),
            Some("It must differ from the old one.")
        );
        assert_eq!(
            objection("", "correct horse", "correct hors"),
            Some("The two do not agree yet.")
        );
        assert_eq!(objection("old", "correct horse", "correct horse"), None);
    }
}
