//! Whatever the bytes are, the inspector answers: it does not panic, and what
//! it says can be shown in a terminal.

use std::{fs, path::Path};

use proptest::prelude::*;
use sandbox::inspect::{
    Card, Verdict, check_parameters, inspect, parameters_from_json, parse_arguments, to_binary,
};

/// Inspects, and asserts what must hold for every card.
fn look(bytes: &[u8]) -> Card {
    let card = inspect(bytes);
    assert_eq!(card.bytes, bytes.len() as u64);
    let mut texts = vec![card.title.clone()];
    texts.extend(card.warnings.iter().cloned());
    texts.extend(card.functions.iter().map(ToString::to_string));
    match &card.verdict {
        Verdict::Run => assert!(card.entry.is_some()),
        Verdict::RunFunctions => assert!(card.entry.is_none() && !card.functions.is_empty()),
        Verdict::Refuse(refusal) => {
            assert!(card.entry.is_none());
            assert!(refusal.message.ends_with('.'), "{}", refusal.message);
            texts.push(refusal.to_string());
        }
    }
    for text in texts {
        assert!(
            !text.contains(['\n', '\t']) && sandbox::inert(&text) == text,
            "{text:?}"
        );
    }
    card
}

fn fixtures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .collect();
    paths.sort();
    let binary = |path| {
        let text = fs::read(path).expect("readable");
        wat::parse_bytes(&text).expect("well-formed").into_owned()
    };
    paths.into_iter().map(binary).collect()
}

#[test]
fn every_flip_of_one_bit_gets_an_answer() {
    let mut flips = 0;
    for mut bytes in fixtures() {
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            look(&bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
            flips += 1;
        }
    }
    assert!(flips >= 10_000, "only {flips}");
}

#[test]
fn every_prefix_gets_an_answer() {
    for bytes in fixtures() {
        for length in 0..bytes.len() {
            look(&bytes[..length]);
        }
    }
}

#[test]
fn hostile_names_are_written_out() {
    let hostile = r"\1b]0;title\07\e2\80\ae\c2\9b\0a\09";
    let long = "n".repeat(90_000);
    for text in [
        format!(r#"(module (import "{hostile}" "{hostile}" (func)) (func (export "_start")))"#),
        format!(r#"(module (import "env" "{long}" (func)) (func (export "_start")))"#),
        format!(r#"(module (func (export "{hostile}")) (func (export "f")))"#),
        format!(r#"(module (func (export "{hostile}") (param v128)) (func (export "f")))"#),
        format!(r#"(module (func (export "f")) (@producers (language "{hostile}" "{hostile}")))"#),
        format!(r#"(module (import "wasi_snapshot_preview1" "{hostile}" (func)))"#),
        format!(r#"(module (func (export "_start")) (@custom "skep.kernel" "{hostile}"))"#),
        format!(
            r#"(component (import "wasi:cli/run@0.2.0" (instance)) (@custom "{hostile}" "x"))"#
        ),
    ] {
        let binary = wat::parse_str(&text).expect("well-formed");
        let card = look(&binary);
        if let Verdict::Refuse(refusal) = &card.verdict {
            assert!(
                refusal.to_string().len() < 2000,
                "{}",
                refusal.to_string().len()
            );
        }
    }
    let card =
        inspect(format!(r#"(module (func (export "{hostile}")) (func (export "f")))"#).as_bytes());
    assert_eq!(card.functions.len(), 1);
    assert_eq!(
        card.warnings,
        ["1 function has a name that cannot be shown, and cannot be called."]
    );
}

#[test]
fn deep_nesting_ends_in_an_error() {
    let deep = "(".repeat(200_000);
    for text in [
        format!("(module {deep}"),
        format!("(module (func {}", "(block ".repeat(200_000)),
        format!("(component {}", "(component ".repeat(200_000)),
        format!("(; {}", "(; ".repeat(200_000)),
    ] {
        look(text.as_bytes());
    }
    // Components within components, as binary: each level is one section.
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..2000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        let mut length = bytes.len();
        while length >= 0x80 {
            outer.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.extend(&bytes);
        bytes = outer;
    }
    look(&bytes);
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        look(&bytes);
    }

    #[test]
    fn any_bytes_after_a_header_get_an_answer(
        component in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..512),
    ) {
        let header: &[u8] = if component { b"\0asm\x0d\0\x01\0" } else { b"\0asm\x01\0\0\0" };
        look(&[header, &bytes].concat());
    }

    /// Sections of the right lengths with anything in them get further than noise.
    #[test]
    fn any_sections_get_an_answer(
        component in any::<bool>(),
        sections in prop::collection::vec(
            (0_u8..14, prop::collection::vec(any::<u8>(), 0..60)), 0..8),
    ) {
        let header: &[u8] = if component { b"\0asm\x0d\0\x01\0" } else { b"\0asm\x01\0\0\0" };
        let mut bytes = header.to_vec();
        for (id, content) in sections {
            bytes.extend([id, content.len() as u8]);
            bytes.extend(content);
        }
        look(&bytes);
    }

    #[test]
    fn several_flips_get_an_answer(
        pick in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..16),
    ) {
        let fixtures = fixtures();
        let mut bytes = fixtures[pick.index(fixtures.len())].clone();
        for (at, mask) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
        }
        look(&bytes);
    }

    #[test]
    fn any_text_gets_an_answer(text in "(;;[ -~]{0,20}\n)?\\((module|component)[ -~\n]{0,200}") {
        look(text.as_bytes());
        let _ = to_binary(text.into_bytes().into());
    }

    #[test]
    fn any_kernel_description_gets_an_answer(json in r#"\{"schema":1[ -~]{0,200}\}?"#) {
        let mut module = wat::parse_str(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
                (memory (export "memory") 1) (func (export "_start")))"#,
        )
        .expect("well-formed");
        let mut section = vec![11];
        section.extend(b"skep.kernel");
        section.extend(json.as_bytes());
        // Lengths up to 16383 in two bytes.
        module.extend([0, section.len() as u8 | 0x80, (section.len() >> 7) as u8]);
        module.extend(section);
        look(&module);
    }

    #[test]
    fn any_parameters_and_arguments_get_an_answer(
        pairs in prop::collection::vec((".{0,12}", ".{0,24}"), 0..4),
        args in prop::collection::vec(".{0,24}", 0..4),
        json in ".{0,60}",
    ) {
        let fixture = |name: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
            inspect(&fs::read(folder.join(name)).expect("the fixture is there"))
        };
        let kernel = fixture("kernel.wat").kernel.expect("a kernel");
        let errors = [
            check_parameters(&kernel, &pairs).err().map(|error| (error.to_string(), error.hint())),
            parameters_from_json(&json).err().map(|error| (error.to_string(), error.hint())),
            parse_arguments(&fixture("functions.wat").functions[1], &args)
                .err()
                .map(|error| (error.to_string(), error.hint())),
        ];
        for (message, hint) in errors.into_iter().flatten() {
            let text = message + &hint.unwrap_or_default();
            prop_assert!(!text.contains(['\n', '\t']) && sandbox::inert(&text) == text, "{text:?}");
        }
    }
}
