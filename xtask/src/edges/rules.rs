//! What is forbidden, and why. ARCHITECTURE.md says it in words; a rule that changes here changes
//! there in the same commit.

/// How far an arrow may reach.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Named in the crate's own manifest.
    Direct,
    /// By whatever way.
    Any,
}

/// Dependencies that a room may not have.
pub struct Forbidden {
    /// The room.
    pub from: &'static str,
    /// Crates that it may not use.
    pub to: &'static [&'static str],
    /// Whether every other room of ours is forbidden as well.
    pub rooms: bool,
    /// How far the rule reaches.
    pub depth: Depth,
    /// Whether to look at what is compiled for the browser, instead of for a server.
    pub browser: bool,
    /// The reason.
    pub why: &'static str,
}

/// Words that a room's sources may not name.
pub struct Named {
    /// Where the rule holds: beginnings of paths.
    pub within: &'static [&'static str],
    /// Where it does not.
    pub except: &'static [&'static str],
    /// The words.
    pub words: &'static [&'static str],
    /// What may follow a word and makes it harmless.
    pub unless: &'static [&'static str],
    /// The reason.
    pub why: &'static str,
}

/// The packages that are rooms of the house.
pub const ROOMS: &[&str] = &[
    "api",
    "spice",
    "spice-proxy",
    "manager",
    "gateway",
    "frontend",
    "console-worker",
    "tests",
];

/// The folders whose sources are the product.
pub const SOURCE_FOLDERS: &[&str] = &[
    "api",
    "spice",
    "spice-proxy",
    "manager",
    "gateway",
    "frontend",
];

const RUNTIMES: &[&str] = &[
    "tokio",
    "async-std",
    "wasm-bindgen",
    "js-sys",
    "web-sys",
    "serde",
    "mio",
    "rayon",
];

/// Who may not depend on what.
pub const DEPENDENCIES: &[Forbidden] = &[
    Forbidden {
        from: "spice",
        to: RUNTIMES,
        rooms: true,
        depth: Depth::Any,
        browser: false,
        why: "the SPICE core takes bytes and gives bytes; runtimes, browsers and rooms are its callers' business",
    },
    Forbidden {
        from: "api",
        to: &[
            "tokio",
            "axum",
            "hyper",
            "leptos",
            "web-sys",
            "wasm-bindgen",
        ],
        rooms: true,
        depth: Depth::Any,
        browser: false,
        why: "api is what travels, for server and browser alike",
    },
    Forbidden {
        from: "manager",
        to: &[
            "axum",
            "hyper",
            "http",
            "tungstenite",
            "tokio-tungstenite",
            "leptos",
        ],
        rooms: true,
        depth: Depth::Any,
        browser: false,
        why: "the engine knows no HTTP and no other room",
    },
    Forbidden {
        from: "spice-proxy",
        to: &[
            "axum",
            "hyper",
            "manager",
            "api",
            "gateway",
            "frontend",
            "console-worker",
            "leptos",
            "virt",
            "virt-sys",
        ],
        rooms: false,
        depth: Depth::Any,
        browser: false,
        why: "the proxy moves bytes and asks Admit; what is behind that is not its business",
    },
    Forbidden {
        from: "gateway",
        to: &["virt", "virt-sys", "spice", "sqlx"],
        rooms: false,
        depth: Depth::Direct,
        browser: false,
        why: "the front door reaches these through the manager and the proxy only",
    },
    Forbidden {
        from: "gateway",
        to: &["leptos", "frontend", "console-worker", "wasm-bindgen"],
        rooms: false,
        depth: Depth::Any,
        browser: false,
        why: "the portals are clients; the server renders nothing",
    },
    Forbidden {
        from: "frontend",
        to: &["manager", "gateway", "spice-proxy", "virt", "axum", "hyper"],
        rooms: false,
        depth: Depth::Any,
        browser: true,
        why: "a portal is one more client of the API",
    },
    Forbidden {
        from: "frontend",
        to: &["spice", "tokio"],
        rooms: false,
        depth: Depth::Direct,
        browser: true,
        why: "only the worker speaks SPICE, and a page has the browser's event loop",
    },
    Forbidden {
        from: "console-worker",
        to: &[
            "manager",
            "gateway",
            "spice-proxy",
            "api",
            "frontend",
            "tokio",
            "leptos",
            "serde",
            "rsa",
        ],
        rooms: false,
        depth: Depth::Any,
        browser: true,
        why: "the worker is small: the SPICE core and the browser, nothing else",
    },
    Forbidden {
        from: "xtask",
        to: &[],
        rooms: true,
        depth: Depth::Any,
        browser: false,
        why: "the task runner builds the rooms and uses none",
    },
];

/// Who may not name what.
pub const SOURCES: &[Named] = &[
    Named {
        within: &["manager/src"],
        except: &["manager/src/host/libvirt"],
        words: &["virt::", "virt_sys"],
        unless: &[],
        why: "virt is named in manager/src/host/libvirt/ only",
    },
    Named {
        within: &["spice-proxy/src"],
        except: &[],
        words: &["spice::"],
        unless: &["link"],
        why: "the proxy uses nothing of spice but link",
    },
    Named {
        within: &["frontend/src"],
        except: &[],
        words: &["spice::"],
        unless: &[],
        why: "a page names no SPICE type; what it needs is in console-worker's messages",
    },
    Named {
        within: &["spice/src"],
        except: &[],
        words: &[
            "Instant",
            "SystemTime",
            "std::thread",
            "std::fs",
            "std::net",
            "std::env",
            "unsafe {",
            "unsafe fn",
            "unsafe impl",
        ],
        unless: &[],
        why: "the SPICE core has no clock, thread, file or socket, and is safe Rust",
    },
    Named {
        within: &["manager/src", "gateway/src", "spice-proxy/src", "api/src"],
        except: &[
            "manager/src/host/libvirt",
            "gateway/src/main.rs",
            "gateway/src/config.rs",
        ],
        words: &["env::var", "env::var_os", "env::args", "env::vars"],
        unless: &[],
        why: "configuration enters in main only",
    },
    Named {
        within: &[
            "manager/src",
            "gateway/src",
            "spice-proxy/src",
            "api/src",
            "frontend/",
        ],
        except: &[
            "manager/src/host/libvirt",
            "api/src/part.rs",
            "frontend/worker/src/webcodecs.rs",
        ],
        words: &["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"],
        unless: &[],
        why: "unsafe is libvirt's C interface, the end of api's rings of types, and the view of our \
              memory that a browser's decoder copies into, only",
    },
    Named {
        within: &["manager/src", "gateway/src", "spice-proxy/src"],
        except: &[],
        words: &["unbounded_channel", "mpsc::unbounded"],
        unless: &[],
        why: "a queue without a bound is somebody else's way to fill our memory",
    },
    Named {
        within: &["manager/src", "gateway/src", "spice-proxy/src"],
        except: &[],
        words: &[
            "Command::new(\"sh\")",
            "Command::new(\"bash\")",
            "Command::new(\"/bin/sh\")",
        ],
        unless: &[],
        why: "no shell: arguments are passed as they are",
    },
    Named {
        within: &["gateway/src"],
        except: &["gateway/src/websocket.rs"],
        words: &[
            "WebSocketUpgrade",
            "derive_accept_key",
            "accept_async",
            "accept_hdr_async",
            "from_raw_socket",
        ],
        unless: &[],
        why: "one place decides who may open a WebSocket: gateway/src/websocket.rs",
    },
    Named {
        within: &["gateway/src"],
        except: &[],
        words: &["inventory.apply", "inventory().apply"],
        unless: &[],
        why: "a handler never touches the inventory",
    },
    Named {
        within: &["frontend/"],
        except: &[],
        words: &[
            "inner_html",
            "set_inner_html",
            "insert_adjacent_html",
            "set_outer_html",
            "eval",
        ],
        unless: &[],
        why: "text from outside must not become HTML or code",
    },
    Named {
        within: &["frontend/"],
        except: &[],
        words: &["set_attribute(\"style\"", "set_css_text"],
        unless: &[],
        why: "the content security policy forbids style attributes; set the property instead",
    },
    Named {
        within: &["frontend/src"],
        except: &["frontend/src/client"],
        words: &[
            "fetch(",
            "fetch_with_str",
            "fetch_with_request",
            "fetch_with_str_and_init",
            "XmlHttpRequest",
        ],
        unless: &[],
        why: "a page never calls the server by itself; the client module does",
    },
    Named {
        within: &["frontend/src/ui"],
        except: &[],
        words: &["api::", "use api"],
        unless: &[],
        why: "a widget knows no oVirt thing",
    },
];
