//! Tells a module from everything else that people drop by its first bytes,
//! and says what the other thing is.

use super::{
    card::{Kind, Refusal, RefuseCode},
    show, truncated,
};

/// What the first bytes say.
pub(super) enum Format {
    /// A core module.
    Core,
    /// A component.
    Component,
    /// The text format.
    Text,
    /// Something else.
    Foreign(Kind, Refusal),
}

/// `\0asm` and four bytes of version and layer.
pub(super) const HEADER_BYTES: usize = 8;
const MAGIC: &[u8] = b"\0asm";
/// What is looked at to tell kinds of text apart, in bytes: licence comments
/// before the first line of code are longer than a page.
const TEXT_HEAD_BYTES: usize = 16 << 10;

pub(super) fn recognise(bytes: &[u8]) -> Format {
    if bytes.is_empty() {
        return not_wasm("The file is empty.", "Build or download it again.");
    }
    if let Some(version) = bytes.strip_prefix(MAGIC) {
        return match version {
            [1, 0, 0, 0, ..] => Format::Core,
            [0x0d, 0, 1, 0, ..] => Format::Component,
            [_, _, 1, 0, ..] => invalid(
                "A component in a format from before WASI 0.2.",
                "Build it again with current tools.",
            ),
            [a, b, c, d, ..] => invalid(
                format!(
                    "A WebAssembly file of version {}; there is only version 1.",
                    u32::from_le_bytes([*a, *b, *c, *d])
                ),
                "Download or copy it again: the file may be damaged.",
            ),
            _ => Format::Foreign(Kind::Invalid, truncated(bytes.len(), "in its header")),
        };
    }
    if MAGIC.starts_with(bytes) {
        return Format::Foreign(Kind::Invalid, truncated(bytes.len(), "in its header"));
    }
    if bytes.starts_with(b"\x7fELF") {
        return Format::Foreign(
            Kind::Precompiled,
            Refusal::new(
                RefuseCode::Precompiled,
                "Machine code from another computer can't be checked.",
            )
            .hint("Drop the original .wasm."),
        );
    }
    if let Some((_, what, hint)) = SIGNATURES
        .iter()
        .find(|(start, ..)| bytes.starts_with(start))
    {
        return not_wasm(format!("This is {what}, not a WebAssembly module."), hint);
    }
    match text_head(bytes) {
        Some(head) => recognise_text(head, bytes.len()),
        None => not_wasm(
            format!(
                "Not a WebAssembly module: it begins with {}.",
                first_bytes(bytes)
            ),
            WANTED,
        ),
    }
}

const WANTED: &str = "A module begins with the bytes 00 61 73 6d; its name usually ends in .wasm.";
const UNPACK: &str = "Unpack it and give the .wasm inside.";
const NATIVE: &str =
    "Build the program for WebAssembly: `cargo build --release --target wasm32-wasip1`.";
const LINK_FIRST: &str = "Link it first: this is what a compiler leaves for the linker.";

/// How files of other kinds begin, what they are, and what to do.
const SIGNATURES: [(&[u8], &str, &str); 24] = [
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (
        b"PK\x05\x06",
        "an empty zip archive",
        "Pack it again, with the .wasm inside.",
    ),
    (
        b"\x1f\x8b",
        "compressed by gzip",
        "Unpack it first: `gunzip`, or `tar xzf` where its name ends in .tgz or .tar.gz.",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "compressed by Zstandard",
        "Unpack it first: `unzstd`.",
    ),
    (
        b"\xfd7zXZ\0",
        "compressed by xz",
        "Unpack it first: `unxz`.",
    ),
    (b"BZh", "compressed by bzip2", "Unpack it first: `bunzip2`."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"MZ", "a program for Windows", NATIVE),
    (b"\xcf\xfa\xed\xfe", "a program for macOS", NATIVE),
    (
        b"\xca\xfe\xba\xbe",
        "a program for macOS or a Java class",
        NATIVE,
    ),
    (b"BC\xc0\xde", "LLVM bitcode", LINK_FIRST),
    (b"!<arch>", "an archive of object files", LINK_FIRST),
    (b"%PDF", "a PDF document", WANTED),
    (b"\x89PNG", "a PNG picture", WANTED),
    (b"\xff\xd8\xff", "a JPEG picture", WANTED),
    (b"GIF8", "a GIF picture", WANTED),
    (b"SQLite format 3\0", "an SQLite database", WANTED),
    (b"RIFF", "a picture, sound or film", WANTED),
    (b"OggS", "sound or a film", WANTED),
    (b"ID3", "sound", WANTED),
    (b"\xff\xfe", "text in UTF-16", WANTED),
    (b"\xfe\xff", "text in UTF-16", WANTED),
    (b"\0\0\0\x20ftyp", "a film", WANTED),
    (b"\0\0\0\x18ftyp", "a film", WANTED),
];

fn recognise_text(head: &str, size: usize) -> Format {
    let text = head.trim_start_matches('\u{feff}').trim_start();
    let lower = text
        .get(..256.min(text.len()))
        .unwrap_or(text)
        .to_ascii_lowercase();
    if text.is_empty() {
        return not_wasm("The file holds nothing but blanks.", WANTED);
    }
    if text.starts_with("version https://git-lfs.github.com/spec/") {
        return not_wasm(
            format!(
                "This is a Git LFS placeholder of {}.",
                show::bytes(size as u64)
            ),
            "Run `git lfs pull`.",
        );
    }
    if is_text_format(text) {
        return Format::Text;
    }
    if ["<!doctype html", "<html", "<head", "<body"]
        .iter()
        .any(|tag| lower.starts_with(tag))
    {
        return not_wasm(
            "This is a web page (HTML), not a WebAssembly module.",
            "The download probably failed or asked to sign in: get the .wasm file itself.",
        );
    }
    if lower.starts_with('<') {
        return not_wasm("This is XML, not a WebAssembly module.", WANTED);
    }
    if let Some(line) = text.strip_prefix("#!") {
        return not_wasm(
            format!(
                "This is a script for {}, not a WebAssembly module.",
                show::name(line.lines().next().unwrap_or_default().trim())
            ),
            WANTED,
        );
    }
    let code = skip_comments(text);
    if ["package ", "interface ", "world "]
        .iter()
        .any(|word| code.starts_with(word))
        && code.contains([';', '{'])
    {
        return not_wasm(
            "Source text of an interface (WIT) or a program, not a WebAssembly module.",
            "Give the .wasm that was built from it.",
        );
    }
    if JAVASCRIPT.iter().any(|word| code.starts_with(word)) {
        return not_wasm(
            "This looks like JavaScript, not a WebAssembly module.",
            "If it loads a .wasm that lies beside it, give that one.",
        );
    }
    if code.starts_with(['{', '[']) {
        return not_wasm("This looks like JSON, not a WebAssembly module.", WANTED);
    }
    not_wasm("This is text, not a WebAssembly module.", WANTED)
}

/// How JavaScript begins after its comments.
const JAVASCRIPT: [&str; 17] = [
    "\"use strict\"",
    "'use strict'",
    "import ",
    "import{",
    "import*",
    "export ",
    "export{",
    "var ",
    "let ",
    "const ",
    "function ",
    "async function",
    "(function",
    "(()=>",
    "(() =>",
    "!function",
    "module.exports",
];

/// `(module` or `(component` after blanks and comments.
fn is_text_format(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(line) = rest.strip_prefix(";;") {
            rest = line.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(block) = rest.strip_prefix("(;") {
            rest = after_block(block, "(;", ";)");
        } else {
            break;
        }
    }
    let Some(rest) = rest.strip_prefix('(') else {
        return false;
    };
    let rest = rest.trim_start();
    ["module", "component"].iter().any(|word| {
        rest.strip_prefix(word).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n', '(', ')', ';', '$'])
        })
    })
}

fn skip_comments(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(line) = rest.strip_prefix("//") {
            rest = line.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(block) = rest.strip_prefix("/*") {
            rest = block.split_once("*/").map_or("", |(_, rest)| rest);
        } else {
            return rest;
        }
    }
}

/// What follows a block that may hold blocks; nothing where it does not end.
fn after_block<'a>(block: &'a str, open: &str, close: &str) -> &'a str {
    let mut depth = 1_usize;
    let mut rest = block;
    while let Some(at) = rest.find([';', '(']) {
        let tail = &rest[at..];
        if let Some(after) = tail.strip_prefix(close) {
            depth -= 1;
            rest = after;
            if depth == 0 {
                return rest;
            }
        } else if let Some(after) = tail.strip_prefix(open) {
            depth += 1;
            rest = after;
        } else {
            rest = &tail[1..];
        }
    }
    ""
}

/// The beginning as text, if it is text.
fn text_head(bytes: &[u8]) -> Option<&str> {
    let head = &bytes[..bytes.len().min(TEXT_HEAD_BYTES)];
    let head = match str::from_utf8(head) {
        Ok(text) => text,
        // The cut may go through a character; anything else wrong is no text.
        Err(error) if error.error_len().is_none() && head.len() < bytes.len() => {
            str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\x0c');
    head.chars().all(plain).then_some(head)
}

fn first_bytes(bytes: &[u8]) -> String {
    let first: Vec<String> = bytes
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    first.join(" ")
}

fn not_wasm(message: impl Into<String>, hint: &str) -> Format {
    Format::Foreign(
        Kind::NotWasm,
        Refusal::new(RefuseCode::NotWasm, message).hint(hint),
    )
}

fn invalid(message: impl Into<String>, hint: &str) -> Format {
    Format::Foreign(
        Kind::Invalid,
        Refusal::new(RefuseCode::ModuleInvalid, message).hint(hint),
    )
}
