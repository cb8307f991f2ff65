//! Tests of the event decoder and writer.

use proptest::prelude::*;

use super::*;

type Seen = Vec<(String, Option<String>, Vec<u8>)>;

fn decode(pieces: &[&[u8]]) -> Seen {
    let mut seen = Seen::new();
    let mut on = |frame: &Frame<'_>| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        seen.push((text(frame.name()), frame.data().map(text), frame.raw().to_vec()));
        Ok::<(), ()>(())
    };
    let mut decoder = Decoder::new(MOST_FRAME);
    for piece in pieces {
        decoder.push(piece, &mut on).unwrap();
    }
    decoder.end(&mut on).unwrap();
    seen
}

#[test]
fn reads_every_line_ending() {
    for (text, name, data) in [
        ("data: x\n\n", "", Some("x")),
        ("data:x\r\n\r\n", "", Some("x")),
        ("data: x\r\r", "", Some("x")),
        ("\u{feff}data:  x\n\n", "", Some(" x")),
        ("event: e\ndata: x\ndata: y\nid: 1\n\n", "e", Some("x\ny")),
        (": ping\n\n", "", None),
        ("data\n\n", "", Some("")),
        ("datas: x\n\n", "", None),
        ("data: x", "", Some("x")),
    ] {
        let expect = vec![(name.to_owned(), data.map(str::to_owned), text.as_bytes().to_vec())];
        assert_eq!(decode(&[text.as_bytes()]), expect, "{text:?}");
    }
}

#[test]
fn replaces_data_only() {
    for (text, expect) in [
        ("event: e\ndata: x\nid: 1\n\n", "event: e\ndata: new\nid: 1\n\n"),
        ("data:x\r\n\r\n", "data:new\r\n\r\n"),
        (": c\ndata: {\nevent: e\ndata: }\n\n", ": c\ndata: new\nevent: e\n\n"),
    ] {
        let mut out = Vec::new();
        Frame::read(text.as_bytes(), 0).write_with(b"new", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }
}

#[test]
fn refuses_large_frames() {
    let mut ignore = |_: &Frame<'_>| Ok::<(), ()>(());
    let mut decoder = Decoder::new(10);
    assert_eq!(decoder.push(b"data: 1\n\ndata: 2\n\n", &mut ignore), Ok(()));
    assert_eq!(decoder.push(b"data: 12345\n\n", &mut ignore), Err(Stop::TooLarge(10)));
    let mut decoder = Decoder::new(10);
    assert_eq!(decoder.push(b"data: 12345", &mut ignore), Err(Stop::TooLarge(10)));
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same_frames(
        text in "((data|event|id|x)?(: ?)?[ax]{0,3}(\n|\r|\r\n)){0,12}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = text.as_bytes();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let seen = decode(&pieces);
        prop_assert_eq!(&seen, &decode(&[bytes]));
        let joined: Vec<u8> = seen.into_iter().flat_map(|(.., raw)| raw).collect();
        prop_assert_eq!(joined, bytes);
    }
}
