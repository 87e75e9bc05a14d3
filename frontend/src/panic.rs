//! What a person sees when the portal itself fails: plain HTML that needs no
//! program, the text to report, and a way on.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;

/// Shows the screen whenever the program panics, and writes it to the console.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        show(&info.to_string());
    }));
}

fn show(what: &str) {
    let document = document();
    let Some(body) = document.body() else { return };
    let element = |name: &str, text: &str| {
        let element = document.create_element(name).ok()?;
        element.set_text_content(Some(text));
        Some(element)
    };
    let parts = [
        element("h1", "Saffron's page has stopped"),
        element(
            "p",
            "This is a fault in the page. Your machines and the server are not affected. Reload to go on; the text below helps whoever mends it.",
        ),
        element("pre", what),
        element("p", &window().location().href().unwrap_or_default()),
    ];
    let Some(main) = element("main", "") else {
        return;
    };
    main.set_class_name("sf-panic");
    for part in parts.into_iter().flatten() {
        drop(main.append_child(&part));
    }
    if let Some(link) = element("a", "Reload") {
        drop(link.set_attribute("href", &window().location().pathname().unwrap_or_default()));
        drop(link.set_attribute("target", "_self"));
        link.set_class_name("pf-v6-c-button pf-m-primary");
        drop(main.append_child(&link));
    }
    body.set_text_content(None);
    let node: &web_sys::Node = main.unchecked_ref();
    drop(body.append_child(node));
}
