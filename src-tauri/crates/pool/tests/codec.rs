//! The bytes of messages and rows: fixed, and read without fear.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use pool::codec::{DecodeError, Decoder, PREFIX_BYTES, decode_results, encode, encode_results};
use pool::limits::FRAME_BYTES_MAX;
use pool::message::{
    Chunk, Health, Heartbeat, Hello, Output, Results, Stock, Stream, ToCoordinator, ToWorker,
    VERSION,
};
use pool::record::StoredResults;
use pool::report::{Failure, FailureKind, Files, Outcome, Payload, Plain, Report, Reports};
use pool::spec::{Fold, Limits, On, Spec};
use pool::{Digest, JobId, Life, MachineId, PersonId, Term};
use proptest::prelude::*;
use serde_bytes::ByteBuf;
use std::sync::Arc;
use std::time::Duration;

const CHUNK: Chunk = Chunk {
    job: JobId([1; 16]),
    first: 300,
    count: 64,
    attempt: 2,
    term: Term(3),
};

fn heartbeat() -> Heartbeat {
    Heartbeat {
        slots: 2,
        memory_bytes: 1 << 30,
        paused: Some("it is hot".to_owned()),
        slowed: Some("someone is using it".to_owned()),
        held: vec![CHUNK],
        turnaround_micros: 500,
        progress: vec![(CHUNK, 250)],
    }
}

fn spec() -> Spec {
    Spec {
        name: "tiles".to_owned(),
        module: Digest([0xaa; 32]),
        count: 1_000,
        fold: Fold::Kernel,
        inputs: vec![Digest([0xbb; 32])],
        run: ByteBuf::from(*b"run"),
        limits: Limits {
            memory_bytes: 1 << 28,
            task_time: Some(Duration::from_secs(600)),
            fuel: None,
            output_bytes: 1 << 26,
        },
        retries: 1,
        elsewhere: 3,
        lost: 5,
        retry_delay: Duration::from_secs(1),
        priority: -3,
        timeout: None,
        trial: false,
        transient: true,
        followed: false,
        chunk: Some(7),
        on: vec![On::Machine(MachineId([9; 16])), On::Label("gpu".to_owned())],
    }
}

fn reports() -> Vec<Reports> {
    let failure = Failure {
        kind: FailureKind::ExitCode,
        message: "no such tile".to_owned(),
        exit_code: Some(4),
        backtrace: vec!["main".to_owned()],
    };
    let report = |outcome| Report {
        outcome,
        micros: 1_500,
        output: Payload::Inline(ByteBuf::from(*b"42")),
        log: Payload::Blob {
            digest: Digest([0xcc; 32]),
            bytes: 70_000,
        },
        log_truncated: true,
        files: Some(Files {
            manifest: Digest([0xdd; 32]),
            blobs: vec![Digest([0xee; 32])],
        }),
    };
    vec![
        Reports::Plain(Plain {
            micros: 12,
            ends: vec![1, 3],
            bytes: ByteBuf::from(*b"abb"),
        }),
        Reports::Each(vec![
            report(Outcome::Done),
            report(Outcome::Failed(failure)),
            report(Outcome::Elsewhere),
            report(Outcome::Lost {
                why: "signal 9".to_owned(),
            }),
            report(Outcome::Refused {
                why: "disk full".to_owned(),
            }),
        ]),
    ]
}

fn to_coordinator() -> Vec<ToCoordinator> {
    let hello = Hello {
        version: VERSION,
        machine: MachineId([2; 16]),
        life: Life(6),
        name: "attic".to_owned(),
        cores: 8,
        os: "Linux".to_owned(),
        program_version: "0.1.0".to_owned(),
        state: heartbeat(),
        holding: vec![CHUNK],
        undelivered: vec![],
    };
    let output = Output {
        job: JobId([1; 16]),
        index: 300,
        attempt: 2,
        stream: Stream::Stderr,
        offset: 4_096,
        bytes: ByteBuf::from(*b"hello"),
    };
    let mut messages = vec![
        ToCoordinator::Hello(hello),
        ToCoordinator::Heartbeat(heartbeat()),
    ];
    messages.extend(reports().into_iter().map(|reports| {
        ToCoordinator::Results(Results {
            chunk: CHUNK,
            reports,
        })
    }));
    messages.extend([
        ToCoordinator::Output(output),
        ToCoordinator::Return(vec![CHUNK]),
        ToCoordinator::Goodbye,
        ToCoordinator::Health(Health {
            core_loads: vec![1_000, 250],
            others_per_mille: 125,
            memory_used_bytes: 3 << 30,
            memory_total_bytes: 8 << 30,
            temperature_c: Some(-4),
            battery_percent: Some(80),
            on_battery: Some(true),
        }),
        ToCoordinator::Stock(Stock {
            modules: vec![Digest([0xaa; 32])],
            blobs: vec![Digest([0xbb; 32])],
        }),
    ]);
    messages
}

fn to_worker() -> Vec<ToWorker> {
    vec![
        ToWorker::Welcome {
            term: Term(4),
            keep: vec![CHUNK],
            drop: vec![],
            send: vec![],
        },
        ToWorker::Refused {
            why: "no".to_owned(),
        },
        ToWorker::Job {
            job: JobId([1; 16]),
            person: PersonId([2; 16]),
            spec: Arc::new(spec()),
            fold_input: Some(Digest([5; 32])),
        },
        ToWorker::Lease(CHUNK),
        ToWorker::Drop(vec![CHUNK]),
        ToWorker::Forget {
            job: JobId([1; 16]),
        },
        ToWorker::Accepted(CHUNK),
        ToWorker::Stale(CHUNK),
        ToWorker::Drain,
        ToWorker::Pause {
            why: "later".to_owned(),
        },
        ToWorker::Resume,
        ToWorker::Recall(vec![CHUNK]),
    ]
}

fn framed<M: serde::Serialize>(messages: &[M]) -> Vec<u8> {
    let mut frames = Vec::new();
    for message in messages {
        encode(message, &mut frames).expect("small messages");
    }
    frames
}

/// A change of these bytes is a change of the protocol: raise its version.
#[test]
fn messages_have_these_bytes() {
    let hex = |frames: Vec<Vec<u8>>| {
        frames
            .iter()
            .map(|frame| HEXLOWER.encode(frame))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let each = |messages: &[ToCoordinator]| {
        messages
            .iter()
            .map(|m| framed(core::slice::from_ref(m)))
            .collect()
    };
    insta::assert_snapshot!("to_coordinator", hex(each(&to_coordinator())));
    let each = |messages: &[ToWorker]| {
        messages
            .iter()
            .map(|m| framed(core::slice::from_ref(m)))
            .collect()
    };
    insta::assert_snapshot!("to_worker", hex(each(&to_worker())));
}

/// Rows are read by later programs.
#[test]
fn result_rows_have_these_bytes() {
    let rows: Vec<String> = reports()
        .into_iter()
        .map(|reports| {
            let stored = StoredResults {
                machine: MachineId([2; 16]),
                attempt: 2,
                reports,
            };
            let row = encode_results(&stored);
            assert_eq!(decode_results(&row), Ok(stored));
            HEXLOWER.encode(&row)
        })
        .collect();
    insta::assert_snapshot!("result_rows", rows.join("\n"));
}

#[test]
fn messages_arrive_however_the_bytes_are_split() {
    let messages = to_coordinator();
    let frames = framed(&messages);
    for size in [1, 2, 3, 7, 64, frames.len()] {
        let mut decoder = Decoder::default();
        let mut arrived = Vec::new();
        for bytes in frames.chunks(size) {
            decoder.push(bytes);
            while let Some(message) = decoder
                .decode::<ToCoordinator>()
                .expect("frames that were just made")
            {
                arrived.push(message);
            }
        }
        assert_eq!(arrived, messages, "in pieces of {size}");
        assert_eq!(decoder.unfinished(), 0);
    }
}

#[test]
fn a_stream_that_breaks_off_gives_nothing_and_says_so() {
    let frames = framed(&[ToWorker::Lease(CHUNK)]);
    for cut in 1..frames.len() {
        let mut decoder = Decoder::default();
        decoder.push(&frames[..cut]);
        assert_eq!(decoder.decode::<ToWorker>(), Ok(None));
        assert_eq!(decoder.unfinished(), cut);
    }
}

#[test]
fn bad_frames_have_their_own_errors() {
    let decode = |bytes: &[u8]| {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        decoder.decode::<ToWorker>()
    };
    let frame = |body: &[u8]| {
        let length = u32::try_from(body.len()).expect("small");
        [length.to_le_bytes().as_slice(), body].concat()
    };
    assert_eq!(
        decode(&u32::MAX.to_le_bytes()),
        Err(DecodeError::FrameTooLarge {
            bytes: u32::MAX as usize
        })
    );
    let over = u32::try_from(FRAME_BYTES_MAX + 1).expect("small");
    assert_eq!(
        decode(&over.to_le_bytes()),
        Err(DecodeError::FrameTooLarge {
            bytes: FRAME_BYTES_MAX + 1
        })
    );
    assert_eq!(decode(&frame(&[])), Err(DecodeError::Empty));
    assert!(
        matches!(decode(&frame(&[200])), Err(DecodeError::Malformed(_))),
        "an unknown message"
    );
    let mut lease = framed(&[ToWorker::Drain])[PREFIX_BYTES..].to_vec();
    lease.push(0);
    assert_eq!(
        decode(&frame(&lease)),
        Err(DecodeError::Trailing { bytes: 1 })
    );
    assert_eq!(decode_results(&[]), Err(DecodeError::Empty));
    assert_eq!(
        decode_results(&[9, 1, 2]),
        Err(DecodeError::RowVersion { found: 9 })
    );
}

#[test]
fn a_message_over_the_limit_is_not_framed() {
    let output = Output {
        job: JobId([1; 16]),
        index: 0,
        attempt: 1,
        stream: Stream::Stdout,
        offset: 0,
        bytes: ByteBuf::from(vec![0; FRAME_BYTES_MAX]),
    };
    let mut frames = framed(&[ToCoordinator::Goodbye]);
    let before = frames.clone();
    let error = encode(&ToCoordinator::Output(output), &mut frames).expect_err("too large");
    assert!(error.bytes > FRAME_BYTES_MAX);
    assert_eq!(frames, before);
}

/// A length that promises more than there is: an error, not an allocation.
#[test]
fn a_list_that_claims_to_be_endless_is_refused() {
    for variant in [4_u8, 0, 1, 2] {
        let mut body = vec![variant];
        body.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
        let mut decoder = Decoder::default();
        decoder.push(&u32::try_from(body.len()).expect("small").to_le_bytes());
        decoder.push(&body);
        assert!(
            matches!(decoder.decode::<ToWorker>(), Err(DecodeError::Malformed(_))),
            "variant {variant}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever comes, the decoder answers with a message or an error.
    #[test]
    fn any_bytes_are_a_message_or_an_error(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for framed in [false, true] {
            let mut decoder = Decoder::default();
            if framed {
                decoder.push(&u32::try_from(body.len()).expect("small").to_le_bytes());
            }
            decoder.push(&body);
            let _ = decoder.decode::<ToCoordinator>();
            let mut decoder = Decoder::default();
            decoder.push(&body);
            let _ = decoder.decode::<ToWorker>();
        }
        let _ = decode_results(&Bytes::from(body));
    }

    /// True messages with flipped bytes, too.
    #[test]
    fn damaged_messages_are_messages_or_errors(which in 0_usize..7, at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let messages = to_coordinator();
        let mut frame = framed(&[messages[which % messages.len()].clone()]);
        let at = PREFIX_BYTES + at.index(frame.len() - PREFIX_BYTES);
        frame[at] = to;
        let mut decoder = Decoder::default();
        decoder.push(&frame);
        let _ = decoder.decode::<ToCoordinator>();
        prop_assert_eq!(decoder.unfinished(), 0);
    }
}
