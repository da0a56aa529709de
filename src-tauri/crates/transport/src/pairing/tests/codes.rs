//! Codes as people write them.

use crate::pairing::*;
use proptest::prelude::*;

#[test]
fn a_code_is_read_as_people_write_it() {
    let code = Code::parse("1A0B-CDEF").expect("a code");
    for text in [
        "1a0bcdef",
        "IAOB-CDEF",
        "l a o b  c d e f",
        "-1A0B\u{2013}CDEF-\n",
        "1A\u{a0}0B\u{2212}CDEF",
    ] {
        assert_eq!(Code::parse(text), Ok(code.clone()), "{text:?}");
    }
    assert_eq!(code.text(), "1A0B-CDEF");
}

#[test]
fn what_is_no_code_says_why() {
    let cases = [
        ("", CodeError::Length { found: 0 }),
        ("1A0B-CDE", CodeError::Length { found: 7 }),
        ("1A0B-CDEFG", CodeError::Length { found: 9 }),
        ("1A0B-CDEU", CodeError::Character { found: 'U' }),
        ("1A0B_CDEF", CodeError::Character { found: '_' }),
        ("１A0BCDEF", CodeError::Character { found: '１' }),
    ];
    for (text, expected) in cases {
        assert_eq!(Code::parse(text), Err(expected), "{text:?}");
    }
    let long = "A".repeat(1 << 20);
    assert_eq!(Code::parse(&long), Err(CodeError::Length { found: 1_000 }));
    let escape = Code::parse("\u{1b}[2J").expect_err("no code").to_string();
    assert!(!escape.contains('\u{1b}'), "{escape:?}");
}

#[test]
fn no_secret_is_shown_by_debug() {
    let code = Code::new([0xab; 5]);
    let token = Token::new([0xab; 16]);
    let seed = Seed::new([0xab; 32]);
    let exporter = Exporter::new([0xab; 32]);
    let ca = Spki([1; 32]);
    let at = vec![Address::parse("[fd00::1]:1", 1).expect("an address")];
    let link = Link::new(at, ca, token.clone(), 0).expect("a link");
    let by = JoinBy::Code(code.clone());
    let joiner = Joiner::new(&super::pipe::introduction(), &by, exporter.clone(), &seed);
    let host = Host::new("home", &Seed::new([0xab; 32]));
    let all = format!(
        "{code:?} {token:?} {seed:?} {exporter:?} {link:?} {by:?} {:?} {joiner:?} {host:?}",
        token.key()
    );
    let key = token.key().to_bytes();
    for secret in [
        code.text(),
        code.text().replace('-', ""),
        "171, 171".to_owned(),
        "abab".to_owned(),
        format!("{}, {}", key[0], key[1]),
    ] {
        assert!(!all.contains(&secret), "{secret} in {all}");
    }
}

proptest! {
    #[test]
    fn every_code_reads_back(random: [u8; 5]) {
        let code = Code::new(random);
        let text = code.text();
        prop_assert_eq!(text.len(), 9);
        prop_assert_eq!(Code::parse(&text), Ok(code.clone()));
        prop_assert_eq!(Code::parse(&text.to_lowercase()), Ok(code));
    }

    #[test]
    fn any_text_is_a_code_or_an_error(text in ".{0,40}") {
        if let Ok(code) = Code::parse(&text) {
            prop_assert_eq!(Code::parse(&code.text()), Ok(code));
        }
    }
}
