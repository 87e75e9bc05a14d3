//! A list that keeps what stays when its members change. The keyed list of the
//! framework is compiled anew for each type of member; this one is compiled once.

use leptos::prelude::*;
use std::sync::Arc;

/// A member: what tells it from the others, and how it is drawn when it is new.
#[derive(Clone)]
pub struct Member {
    key: String,
    draw: Arc<dyn Fn() -> AnyView + Send + Sync>,
}

/// A member.
#[must_use]
pub fn member(
    key: impl Into<String>,
    draw: impl Fn() -> AnyView + Send + Sync + 'static,
) -> Member {
    Member {
        key: key.into(),
        draw: Arc::new(draw),
    }
}

/// The list.
#[must_use]
pub fn each(members: impl Fn() -> Vec<Member> + Send + Sync + 'static) -> AnyView {
    let members: Arc<dyn Fn() -> Vec<Member> + Send + Sync> = Arc::new(members);
    view! { <For each=move || members() key=|member| member.key.clone() children=|member| (member.draw)()/> }
        .into_any()
}
