//! An executor that has fallen into the wrong hands: it starts as a real one
//! does and then breaks the protocol in the way its own name says. The tests
//! put it in the executor's place and see that the parent stays whole.

#[path = "../src/receive.rs"]
mod receive;

use std::{
    fs::File,
    io::{Read, Write},
    os::{fd::FromRawFd, unix::fs::FileExt},
};

use sandbox::{
    CompileSettings, End,
    frames::{self, Ended, Inbox, Kind, Loaded},
};

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let name = words
        .first()
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or_default();
    match words.get(1).map(String::as_str) {
        Some("walls") => println!("limits stands\nlandlock stands\nseccomp stands"),
        Some("describe") => {
            for settings in CompileSettings::ALL {
                println!("{settings} 0000000000000000");
            }
        }
        Some("compile") => println!("no machine code"),
        _ => run(name),
    }
}

fn run(name: &str) {
    // SAFETY: the parent gave its socket as standard input, and nobody else here uses it.
    let mut socket = unsafe { File::from_raw_fd(0) };
    let mut inbox = Inbox::default();
    let [_, page] = receive::descriptors(&socket, &mut inbox).expect("two descriptors");
    let mut out = Vec::new();
    frames::put(&mut out, Kind::Loaded, &Loaded { failure: None });
    send(&mut socket, &out);
    // Wait for the first batch, of which at least one task is to be begun.
    let mut first = [0; 1];
    socket.read_exact(&mut first).expect("a batch");
    begin(&page, 1);
    match name {
        "garbage" => send(&mut socket, &[0xa5; 100_000]),
        "huge-frame" => send(&mut socket, &[0xff, 0xff, 0xff, 0xff, 65]),
        "empty-frame" => send(&mut socket, &[0, 0, 0, 0]),
        "unknown-frame" => send(&mut socket, &[1, 0, 0, 0, 200]),
        "down-frame" => send(&mut socket, &[1, 0, 0, 0, Kind::Calls as u8]),
        "early-idle" => send(&mut socket, &[1, 0, 0, 0, Kind::Idle as u8]),
        "too-many-answers" => {
            for _ in 0..10_000 {
                send(&mut socket, &ended(End::Exit { code: 0 }));
            }
        }
        "results-of-programs" => {
            let mut out = Vec::new();
            frames::put_results(&mut out, 1, &[1], b"x");
            send(&mut socket, &out);
        }
        "too-much-output" => loop {
            let mut out = Vec::new();
            frames::put_raw(&mut out, Kind::Stdout, &[b'x'; 60_000]);
            send(&mut socket, &out);
        },
        "blames-the-machine" => send(
            &mut socket,
            &ended(End::Crashed {
                message: "\u{1b}[2Jnot me".to_owned(),
            }),
        ),
        "hangs-up" => {
            drop(socket);
            wait();
        }
        "exits" => {}
        // Talks for ever, so that the parent never has to wait.
        "chatters" => loop {
            let mut out = Vec::new();
            frames::put_raw(&mut out, Kind::Progress, &[1, 0]);
            send(&mut socket, &out);
        },
        // Says for ever that its task has just begun.
        "always-young" => loop {
            let mut now = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // SAFETY: the pointer is to a local timespec.
            unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
            let now = now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs();
            page.write_all_at(&now.to_le_bytes(), 8).expect("the page");
            std::thread::sleep(std::time::Duration::from_millis(1));
        },
        // Says that it is in a task nobody gave it.
        "elsewhere" => {
            begin(&page, 1_000_000);
            wait();
        }
        // Never reads what the parent sends.
        "deaf" => wait(),
        other => panic!("no such impostor: {other}"),
    }
}

fn begin(page: &File, count: u64) {
    page.write_all_at(&count.to_le_bytes(), 0)
        .expect("the page");
}

fn ended(end: End) -> Vec<u8> {
    let mut out = Vec::new();
    frames::put(&mut out, Kind::Ended, &Ended { micros: 1, end });
    out
}

/// Sends, and ends when the parent has had enough.
fn send(socket: &mut File, bytes: &[u8]) {
    if socket.write_all(bytes).is_err() {
        std::process::exit(0);
    }
}

fn wait() -> ! {
    loop {
        std::thread::park();
    }
}
