//! The statistics overlay: how good it is and why, what arrived and what was shown, the channels.

use leptos::prelude::*;

use super::meter::Meter;
use super::session::Session;
use crate::format;
use crate::task;

/// The overlay.
#[component]
pub fn Overlay(
    /// The console.
    session: Session,
) -> impl IntoView {
    let meter = session.meter;
    let quality = Memo::new(move |_| session.quality());
    let copied = RwSignal::new(None::<&'static str>);
    let copy = move |_| {
        let words = quality.with_untracked(|quality| quality.sentence());
        let (size, preset) = (session.size.get_untracked(), session.preset.get_untracked());
        let text = meter.with_untracked(|meter| meter.text(&words, size, preset));
        let written = window().navigator().clipboard().write_text(&text);
        task::run(async move {
            // Refused without the focus or the right; the figures are still on the screen.
            let done = wasm_bindgen_futures::JsFuture::from(written).await.is_ok();
            copied.try_set(Some(if done { "Copied" } else { "Not allowed" }));
            task::pause(2_000).await;
            copied.try_set(None);
        });
    };
    let table = move || {
        let channels = meter.with(|meter| meter.now().map(|now| now.channels.clone()));
        let rows = channels.unwrap_or_default().into_iter().map(|channel| {
            let open = channel.state == "open";
            view! {
                <tr>
                    <th scope="row"><i class:is-off=!open aria-hidden="true"></i>{channel.name}</th>
                    <td>{channel.state}</td>
                    <td>{format::bytes(channel.bytes as u64)}</td>
                    <td>{format::count(channel.messages as u64)}</td>
                </tr>
            }
        });
        rows.collect_view()
    };
    view! {
        <section class="sf-hud" aria-label="Statistics" tabindex="0">
            <div class="sf-row is-between">
                <b class="sf-strong">{move || quality.with(|quality| quality.word())}</b>
                <button class="sf-link" type="button" on:click=copy>
                    {move || copied.get().unwrap_or("Copy")}
                </button>
            </div>
            {move || {
                let cause = quality.with(|quality| quality.cause.clone());
                cause
                    .map(|(bottleneck, why)| {
                        view! { <p class="sf-hud__why">{format!("Held back by {}: {why}", bottleneck.name())}</p> }
                    })
            }}
            <div class="sf-chart" role="img" aria-label="Painted frames per second over one minute">
                <div class="sf-chart__y" aria-hidden="true">
                    <span>{move || meter.with(|meter| format!("{:.0}", meter.line().1))}</span>
                    <span>"0"</span>
                </div>
                <div class="sf-chart__plot" aria-hidden="true">
                    <svg viewBox="0 0 600 100" preserveAspectRatio="none">
                        <polygon class="area" points=move || meter.with(Meter::area)></polygon>
                        <polyline class="line" points=move || meter.with(|meter| meter.line().0)/>
                    </svg>
                </div>
            </div>
            <dl>
                <dt>"Quality"</dt>
                <dd>{move || meter.with(|meter| meter.in_force(session.preset.get()))}</dd>
                {move || {
                    meter
                        .with(|meter| meter.rows(session.size.get()))
                        .into_iter()
                        .map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> })
                        .collect_view()
                }}
            </dl>
            <table class="sf-hud__table">
                <caption class="sf-sr">"Channels"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Channel"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Bytes"</th>
                        <th scope="col">"Messages"</th>
                    </tr>
                </thead>
                <tbody>{table}</tbody>
            </table>
        </section>
    }
    .into_any()
}
