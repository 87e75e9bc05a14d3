//! The link stage, and the console's greetings.

use proptest::prelude::*;
use spice::link::admission::{Frame, Hello, Key, MAX_HELLO_BYTES, Welcome};
use spice::link::{Capabilities, ChannelType, LinkMessage};

fn message() -> LinkMessage {
    LinkMessage {
        connection_id: 0x1122_3344,
        channel_type: ChannelType::DISPLAY,
        channel_id: 1,
        common_caps: Capabilities::of(&[Capabilities::MINI_HEADER]),
        channel_caps: Capabilities::of(&[0, 33]),
    }
}

#[test]
fn a_link_message_is_laid_out_as_the_protocol_says() {
    let bytes = message().encode();
    let expected = [
        b"REDQ".as_slice(),
        &[2, 0, 0, 0, 2, 0, 0, 0, 30, 0, 0, 0],
        &[0x44, 0x33, 0x22, 0x11, 2, 1],
        &[1, 0, 0, 0, 2, 0, 0, 0, 18, 0, 0, 0],
        &[8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0],
    ];
    assert_eq!(bytes, expected.concat());
    assert_eq!(LinkMessage::decode(&bytes[16..]), Ok(message()));
}

#[test]
fn capabilities_are_bits_in_words() {
    let mut caps = Capabilities::of(&[3, 40]);
    assert_eq!(caps.words(), [8, 256]);
    assert!(caps.has(40) && !caps.has(39) && !caps.has(u32::MAX));
    caps.clear(3);
    assert!(!caps.has(3));
    caps.set(u32::MAX);
    assert_eq!(caps.words().len(), 2);
}

fn hello() -> Hello {
    Hello {
        key: Key([7; 32]),
        channel_type: ChannelType::MAIN,
        channel_id: 0,
        connection_id: 9,
        common_caps: Capabilities::of(&[3]),
        channel_caps: Capabilities::default(),
        window: 0x0001_0000,
    }
}

#[test]
fn greetings_survive_the_line() {
    assert_eq!(Hello::decode(&hello().encode()), Ok(hello()));
    let welcome = Welcome {
        common_caps: Capabilities::of(&[1, 3]),
        channel_caps: Capabilities::of(&[70]),
        keys: vec![Key([1; 32]), Key([2; 32])],
    };
    assert_eq!(Welcome::decode(&welcome.encode()), Ok(welcome));
}

#[test]
fn a_greeting_that_is_cut_or_has_more_is_refused() {
    let bytes = hello().encode();
    for length in 0..bytes.len() {
        assert!(Hello::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(Hello::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
    assert!(Welcome::decode(&bytes).is_err());
}

#[test]
fn the_window_is_the_last_word_of_the_hello() {
    let bytes = hello().encode();
    assert_eq!(bytes[bytes.len() - 4..], [0, 0, 1, 0]);
    let words = [u32::MAX; Capabilities::MAX_WORDS];
    let longest = Hello {
        common_caps: Capabilities::from_words(&words),
        channel_caps: Capabilities::from_words(&words),
        ..hello()
    };
    assert_eq!(longest.encode().len(), MAX_HELLO_BYTES);
}

#[test]
fn a_frame_is_a_kind_and_what_it_says() {
    for (frame, bytes) in [
        (Frame::Data(b"SPICE"), b"\0SPICE".as_slice()),
        (Frame::Data(b""), &[0]),
        (Frame::Grant(0x0102_0304), &[1, 4, 3, 2, 1]),
        (Frame::Probe(9), &[2, 9, 0, 0, 0]),
    ] {
        assert_eq!(frame.encode(), bytes);
        assert_eq!(Frame::decode(bytes), Ok(frame));
    }
}

#[test]
fn a_frame_that_is_none_is_refused() {
    for bytes in [
        [].as_slice(),
        &[1, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0],
        &[2],
        &[2, 1, 2, 3, 4, 5],
        &[3, 0, 0, 0, 0],
        &[255],
    ] {
        assert!(Frame::decode(bytes).is_err(), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn what_is_read_as_a_frame_is_written_the_same(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
        if let Ok(frame) = Frame::decode(&bytes) {
            prop_assert_eq!(frame.encode(), bytes);
        }
    }
}

#[test]
fn a_key_is_not_printed() {
    assert!(!format!("{:?}", hello()).contains('7'));
}

#[cfg(feature = "ticket")]
mod ticket {
    use rsa::pkcs8::EncodePublicKey;
    use rsa::rand_core::{CryptoRng, Error as RngError, RngCore, impls};
    use rsa::{Oaep, RsaPrivateKey};
    use sha1::Sha1;
    use spice::link::{Capabilities, Link, LinkError, LinkFailure, LinkReply, ticket};

    use super::message;

    /// The same key in every run.
    struct Counting(u64);

    impl RngCore for Counting {
        fn next_u32(&mut self) -> u32 {
            self.next_u64() as u32
        }

        fn next_u64(&mut self) -> u64 {
            // splitmix64
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn fill_bytes(&mut self, dest: &mut [u8]) {
            impls::fill_bytes_via_next(self, dest);
        }

        fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), RngError> {
            self.fill_bytes(dest);
            Ok(())
        }
    }

    impl CryptoRng for Counting {}

    fn key() -> (RsaPrivateKey, [u8; 162]) {
        let key = RsaPrivateKey::new(&mut Counting(1), 1024).expect("a key");
        let public = key
            .to_public_key()
            .to_public_key_der()
            .expect("its public half");
        let public = public
            .as_bytes()
            .try_into()
            .expect("162 bytes, as SPICE has it");
        (key, public)
    }

    fn reply(public_key: [u8; 162], caps: &[u32]) -> LinkReply {
        LinkReply {
            error: LinkError::OK,
            public_key,
            common_caps: Capabilities::of(caps),
            channel_caps: Capabilities::of(&[5]),
        }
    }

    fn transmitted(link: &mut Link) -> Vec<u8> {
        let mut bytes = Vec::new();
        link.poll_transmit(&mut bytes);
        bytes
    }

    #[test]
    fn the_link_stage_ends_where_the_first_message_begins() {
        let (key, public) = key();
        let caps = [Capabilities::AUTH_SELECTION, Capabilities::AUTH_SPICE, 3];
        let answer = [
            reply(public, &caps).encode(),
            0u32.to_le_bytes().to_vec(),
            b"first message".to_vec(),
        ]
        .concat();
        // However the bytes are cut.
        for piece in [1, 7, 200, answer.len()] {
            let mut link = Link::new(&message(), "secret");
            assert_eq!(&transmitted(&mut link)[..4], b"REDQ");
            let mut taken = 0;
            let mut linked = None;
            for piece in answer.chunks(piece) {
                if linked.is_none() {
                    let (count, outcome) = link.receive(piece).expect("a good server");
                    taken += count;
                    linked = outcome;
                }
            }
            assert_eq!(&answer[taken..], b"first message");
            assert!(linked.expect("it is over").channel_caps.has(5));
            let sent = transmitted(&mut link);
            assert_eq!(&sent[..4], [1, 0, 0, 0], "the mechanism");
            let plain = key
                .decrypt(Oaep::new::<Sha1>(), &sent[4..])
                .expect("our ticket");
            assert_eq!(plain, b"secret\0");
        }
    }

    #[test]
    fn an_old_server_is_not_told_the_mechanism() {
        let (_, public) = key();
        let mut link = Link::new(&message(), "");
        transmitted(&mut link);
        link.receive(&reply(public, &[]).encode())
            .expect("a good server");
        assert_eq!(transmitted(&mut link).len(), 128);
    }

    #[test]
    fn a_refusal_says_why() {
        let (_, public) = key();
        let mut link = Link::new(&message(), "wrong");
        link.receive(&reply(public, &[]).encode())
            .expect("a good server");
        let refusal = link.receive(&7u32.to_le_bytes()).unwrap_err();
        assert_eq!(refusal, LinkFailure::Refused(LinkError::PERMISSION_DENIED));
        assert_eq!(refusal.to_string(), "the password is wrong or has expired");
    }

    #[test]
    fn what_is_no_spice_server_is_refused() {
        for answer in [b"HTTP/1.1 400 Bad Request\r\n".as_slice(), &[0; 16]] {
            let mut link = Link::new(&message(), "");
            assert!(matches!(
                link.receive(answer),
                Err(LinkFailure::Unreadable(_))
            ));
        }
        // A size that would have us wait for four gigabytes.
        let header = [*b"REDQ", 2u32.to_le_bytes(), 2u32.to_le_bytes(), [0xff; 4]].concat();
        assert!(Link::new(&message(), "").receive(&header).is_err());
    }

    #[test]
    fn a_password_longer_than_the_protocol_allows_is_refused() {
        let (_, public) = key();
        assert!(ticket::encrypt(&public, &"x".repeat(61)).is_err());
        assert!(ticket::encrypt(&public, &"x".repeat(60)).is_ok());
        assert!(ticket::encrypt(&[0; 162], "x").is_err());
    }
}
