//! What matters most in the picture: the choices of the bar's menu, a line for each, and what is in
//! force. What a choice does is the worker's.

use console_worker::Preset;
use leptos::prelude::*;

use super::session::Session;
use crate::ui::icon::icon;
use crate::ui::yes;

/// Its name.
pub fn title(preset: Preset) -> &'static str {
    match preset {
        Preset::Balanced => "Balanced",
        Preset::SharpText => "Sharp text",
        Preset::Video => "Video",
        Preset::LowBandwidth => "Low bandwidth",
    }
}

/// What it is for, in a line.
fn line(preset: Preset) -> &'static str {
    match preset {
        Preset::Balanced => "Follows the connection, moment by moment",
        Preset::SharpText => "Every pixel as the guest drew it; films may stutter",
        Preset::Video => "Films run smoothly; photos may lose detail",
        Preset::LowBandwidth => "Fewest bytes, for slow or metered lines",
    }
}

/// What is in force, for the menu's foot and the statistics: `Balanced: LZ4, VP8`.
pub fn in_force(preset: Preset, how: &[&str]) -> String {
    let how: Vec<&str> = how
        .iter()
        .copied()
        .filter(|word| !word.is_empty())
        .collect();
    if how.is_empty() {
        return title(preset).to_owned();
    }
    format!("{}: {}", title(preset), how.join(", "))
}

/// The menu.
#[component]
pub fn Quality(
    /// The console.
    session: Session,
) -> impl IntoView {
    let option = move |preset: Preset| {
        let chosen = move || session.preset.get() == preset;
        view! {
            <button
                class="sf-opt sf-opt--two"
                class:is-on=chosen
                type="button"
                role="menuitemradio"
                aria-checked=move || yes(chosen())
                on:click=move |_| {
                    session.set_preset(preset);
                    session.menu.set(None);
                    super::view::focus_picture();
                }
            >
                <span class="sf-opt__mark">{move || chosen().then(|| icon("check"))}</span>
                <span>
                    <span class="sf-strong">{title(preset)}</span>
                    <small>{line(preset)}</small>
                </span>
            </button>
        }
    };
    view! {
        <div class="sf-pop pf-v6-c-menu" id="quality">
            <p class="sf-pop__title" id="quality-title">"What matters most"</p>
            <div role="menu" aria-labelledby="quality-title">
                {Preset::ALL.into_iter().map(option).collect_view()}
            </div>
            <p class="sf-pop__foot">
                {move || {
                    let preset = session.preset.get();
                    let words = session.meter.with(|meter| meter.in_force(preset));
                    format!("In force: {words}")
                }}
            </p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_has_a_title_and_a_line_of_its_own() {
        let mut words: Vec<&str> = Preset::ALL
            .into_iter()
            .flat_map(|preset| [title(preset), line(preset)])
            .collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 2 * Preset::ALL.len());
    }

    #[test]
    fn what_is_in_force_names_only_what_is_known() {
        assert_eq!(
            in_force(Preset::Balanced, &["LZ4", "VP8"]),
            "Balanced: LZ4, VP8"
        );
        assert_eq!(in_force(Preset::Video, &["", "MJPEG"]), "Video: MJPEG");
        assert_eq!(in_force(Preset::SharpText, &["", ""]), "Sharp text");
    }
}
