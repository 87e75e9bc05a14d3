//! Which key of a PC keyboard a `KeyboardEvent.code` is: a pure table, the same in every layout.
//!
//! A guest wants positions on the keyboard, not characters: its own layout turns them into
//! characters. `code` is the position; the numbers are the make codes of XT set 1, which SPICE's
//! `SPICE_MSGC_INPUTS_KEY_DOWN` carries. Extended keys have `0xe0` in the high byte.

/// The make code of a key, or `None` for a key that PC keyboards do not have.
pub fn scancode(code: &str) -> Option<u16> {
    TABLE
        .binary_search_by(|(name, _)| (*name).cmp(code))
        .ok()
        .and_then(|index| TABLE.get(index))
        .map(|(_, scancode)| *scancode)
}

/// Left Control, as [`scancode`] gives it.
pub const CONTROL: u16 = 0x1d;
/// Left Alt.
pub const ALT: u16 = 0x38;
/// Left Shift.
pub const SHIFT: u16 = 0x2a;
/// The left logo key.
pub const META: u16 = 0xe05b;
/// AltGr.
pub const ALT_GRAPH: u16 = 0xe038;
/// Delete, of the block above the arrows.
pub const DELETE: u16 = 0xe053;

/// F1 to F12, counted from 1.
pub fn function_key(number: u16) -> u16 {
    match number {
        11 => 0x57,
        12 => 0x58,
        n => 0x3a + n,
    }
}

/// Sorted by name, for the binary search; the test below holds it to that.
const TABLE: &[(&str, u16)] = &[
    ("AltLeft", 0x38),
    ("AltRight", 0xe038),
    ("ArrowDown", 0xe050),
    ("ArrowLeft", 0xe04b),
    ("ArrowRight", 0xe04d),
    ("ArrowUp", 0xe048),
    ("AudioVolumeDown", 0xe02e),
    ("AudioVolumeMute", 0xe020),
    ("AudioVolumeUp", 0xe030),
    ("Backquote", 0x29),
    ("Backslash", 0x2b),
    ("Backspace", 0x0e),
    ("BracketLeft", 0x1a),
    ("BracketRight", 0x1b),
    ("BrowserBack", 0xe06a),
    ("BrowserFavorites", 0xe066),
    ("BrowserForward", 0xe069),
    ("BrowserHome", 0xe032),
    ("BrowserRefresh", 0xe067),
    ("BrowserSearch", 0xe065),
    ("BrowserStop", 0xe068),
    ("CapsLock", 0x3a),
    ("Comma", 0x33),
    ("ContextMenu", 0xe05d),
    ("ControlLeft", 0x1d),
    ("ControlRight", 0xe01d),
    ("Convert", 0x79),
    ("Delete", 0xe053),
    ("Digit0", 0x0b),
    ("Digit1", 0x02),
    ("Digit2", 0x03),
    ("Digit3", 0x04),
    ("Digit4", 0x05),
    ("Digit5", 0x06),
    ("Digit6", 0x07),
    ("Digit7", 0x08),
    ("Digit8", 0x09),
    ("Digit9", 0x0a),
    ("End", 0xe04f),
    ("Enter", 0x1c),
    ("Equal", 0x0d),
    ("Escape", 0x01),
    ("F1", 0x3b),
    ("F10", 0x44),
    ("F11", 0x57),
    ("F12", 0x58),
    ("F13", 0x64),
    ("F14", 0x65),
    ("F15", 0x66),
    ("F16", 0x67),
    ("F17", 0x68),
    ("F18", 0x69),
    ("F19", 0x6a),
    ("F2", 0x3c),
    ("F20", 0x6b),
    ("F21", 0x6c),
    ("F22", 0x6d),
    ("F23", 0x6e),
    ("F24", 0x76),
    ("F3", 0x3d),
    ("F4", 0x3e),
    ("F5", 0x3f),
    ("F6", 0x40),
    ("F7", 0x41),
    ("F8", 0x42),
    ("F9", 0x43),
    ("Home", 0xe047),
    ("Insert", 0xe052),
    ("IntlBackslash", 0x56),
    ("IntlRo", 0x73),
    ("IntlYen", 0x7d),
    ("KanaMode", 0x70),
    ("KeyA", 0x1e),
    ("KeyB", 0x30),
    ("KeyC", 0x2e),
    ("KeyD", 0x20),
    ("KeyE", 0x12),
    ("KeyF", 0x21),
    ("KeyG", 0x22),
    ("KeyH", 0x23),
    ("KeyI", 0x17),
    ("KeyJ", 0x24),
    ("KeyK", 0x25),
    ("KeyL", 0x26),
    ("KeyM", 0x32),
    ("KeyN", 0x31),
    ("KeyO", 0x18),
    ("KeyP", 0x19),
    ("KeyQ", 0x10),
    ("KeyR", 0x13),
    ("KeyS", 0x1f),
    ("KeyT", 0x14),
    ("KeyU", 0x16),
    ("KeyV", 0x2f),
    ("KeyW", 0x11),
    ("KeyX", 0x2d),
    ("KeyY", 0x15),
    ("KeyZ", 0x2c),
    ("Lang1", 0x72),
    ("Lang2", 0x71),
    ("LaunchApp1", 0xe06b),
    ("LaunchApp2", 0xe021),
    ("LaunchMail", 0xe06c),
    ("MediaPlayPause", 0xe022),
    ("MediaSelect", 0xe06d),
    ("MediaStop", 0xe024),
    ("MediaTrackNext", 0xe019),
    ("MediaTrackPrevious", 0xe010),
    ("MetaLeft", 0xe05b),
    ("MetaRight", 0xe05c),
    ("Minus", 0x0c),
    ("NonConvert", 0x7b),
    ("NumLock", 0x45),
    ("Numpad0", 0x52),
    ("Numpad1", 0x4f),
    ("Numpad2", 0x50),
    ("Numpad3", 0x51),
    ("Numpad4", 0x4b),
    ("Numpad5", 0x4c),
    ("Numpad6", 0x4d),
    ("Numpad7", 0x47),
    ("Numpad8", 0x48),
    ("Numpad9", 0x49),
    ("NumpadAdd", 0x4e),
    ("NumpadComma", 0x7e),
    ("NumpadDecimal", 0x53),
    ("NumpadDivide", 0xe035),
    ("NumpadEnter", 0xe01c),
    ("NumpadEqual", 0x59),
    ("NumpadMultiply", 0x37),
    ("NumpadSubtract", 0x4a),
    // One of the older names for the same key.
    ("OSLeft", 0xe05b),
    ("OSRight", 0xe05c),
    ("PageDown", 0xe051),
    ("PageUp", 0xe049),
    // Break's code: the real Pause sequence has no release, so it would repeat for ever in guests
    // that wait for one; QEMU maps this code to the same key.
    ("Pause", 0xe046),
    ("Period", 0x34),
    ("Power", 0xe05e),
    ("PrintScreen", 0xe037),
    ("Quote", 0x28),
    ("ScrollLock", 0x46),
    ("Semicolon", 0x27),
    ("ShiftLeft", 0x2a),
    ("ShiftRight", 0x36),
    ("Slash", 0x35),
    ("Sleep", 0xe05f),
    ("Space", 0x39),
    ("Tab", 0x0f),
    ("WakeUp", 0xe063),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_no_key_twice() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} before {}", pair[0].0, pair[1].0);
        }
    }

    #[test]
    fn every_code_of_a_105_key_keyboard_is_there_and_none_other() {
        assert_eq!(scancode("KeyA"), Some(0x1e));
        assert_eq!(scancode("IntlBackslash"), Some(0x56));
        assert_eq!(scancode("ControlRight"), Some(0xe01d));
        assert_eq!(scancode("NumpadEnter"), Some(0xe01c));
        assert_eq!(scancode("F12"), Some(0x58));
        assert_eq!(scancode("Fn"), None);
        assert_eq!(scancode(""), None);
    }

    #[test]
    fn two_codes_share_a_key_only_where_a_key_has_two_names() {
        let mut seen = std::collections::BTreeMap::new();
        for (name, code) in TABLE {
            if let Some(other) = seen.insert(code, name) {
                assert!(
                    name.starts_with("OS") && other.starts_with("Meta"),
                    "{name} and {other}"
                );
            }
        }
    }

    #[test]
    fn function_keys_by_number_equal_those_by_name() {
        for number in 1..=12 {
            assert_eq!(Some(function_key(number)), scancode(&format!("F{number}")));
        }
    }
}
