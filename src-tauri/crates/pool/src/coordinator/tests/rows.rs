//! Rows are read by later programs: their bytes are fixed, and a change of
//! them is a new version of the row.

use super::table::spec;
use crate::codec::{DecodeError, decode_grown, decode_row, encode_grown, encode_row};
use crate::coordinator::history::{FailedAttempt, History, Standing};
use crate::coordinator::job::{CancelReason, ClientId, Ending, Facts, Folding, Phase};
use crate::coordinator::machine::{About, MachineRow};
use crate::coordinator::order::Orders;
use crate::coordinator::restore::NO_ON;
use crate::coordinator::save::LeaseRow;
use crate::coordinator::{Measured, Order};
use crate::id::{CodeId, DeviceId, Digest, InviteId, MachineId, PersonId, PoolId, Spki, Term};
use crate::moment::Moment;
use crate::registry::{Code, Device, Entry, Invite, Person, Pool, Roles};
use crate::report::{Failure, FailureKind};
use crate::spec::{On, Spec};
use core::fmt::Debug;
use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn hex<R: Serialize + DeserializeOwned + PartialEq + Debug>(row: &R) -> String {
    let bytes = encode_row(row);
    assert_eq!(
        decode_row::<R>(&bytes).as_ref(),
        Ok(row),
        "reads what it wrote"
    );
    HEXLOWER.encode(&bytes)
}

fn failure() -> Failure {
    Failure {
        kind: FailureKind::MemoryLimit,
        message: "over 64 MiB".to_owned(),
        exit_code: None,
        backtrace: vec!["grow".to_owned()],
    }
}

#[test]
fn facts_of_a_job_have_these_bytes() {
    let facts = |phase| Facts {
        client: ClientId {
            submitter: 1_000,
            id: [1; 16],
        },
        person: PersonId([8; 16]),
        digest: Digest([2; 32]),
        accepted: Moment(1_000_000),
        started_wall_ms: Some(1_700_000_000_000),
        ended_wall_ms: None,
        phase,
        released: true,
        deadline: Some(Moment(91_000_000)),
        forgetting: false,
        first_failure: Some((7, failure())),
        result_blobs: 3,
        machines: vec![MachineId([4; 16])],
        measured: vec![Measured {
            machine: MachineId([4; 16]),
            tasks: 300,
            micros: 1_000_000,
        }],
    };
    let phases = [
        Phase::Open,
        Phase::Folding(Folding::Node),
        Phase::Folding(Folding::Assembling),
        Phase::Folding(Folding::Task {
            input: Digest([3; 32]),
        }),
        Phase::Ended(Ending::Done),
        Phase::Ended(Ending::Failed {
            fold: Some("not JSON".to_owned()),
        }),
        Phase::Ended(Ending::Cancelled {
            why: CancelReason::Timeout,
            done: vec![(0, 5), (300, 2)],
        }),
    ];
    let rows: Vec<String> = phases.into_iter().map(|phase| hex(&facts(phase))).collect();
    insta::assert_snapshot!(rows.join("\n"));
}

/// A row in the second version of its form.
fn grown<R: Serialize + DeserializeOwned + PartialEq + Debug>(row: &R) -> String {
    let bytes = encode_grown(row);
    let read = decode_grown::<R>(&bytes, &[]);
    assert_eq!(read.as_ref(), Ok(row), "reads what it wrote");
    HEXLOWER.encode(&bytes)
}

#[test]
fn rows_from_before_orders_and_wishes_are_read() {
    let bytes = |hex: &str| HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal");
    let old = "010574696c6573aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaae80700000080808080010000808080200003050100000000000000";
    assert_eq!(decode_grown(&bytes(old), &NO_ON), Ok(spec(1_000)));
    let old = MachineRow::decode(&bytes(
        "01056174746963054c696e757805302e312e300880a0abfef962",
    ));
    let old = old.expect("a row of version 1");
    assert_eq!((old.about, old.orders), (about(), Orders::default()));
    let unknown = MachineRow::decode(&[3, 1, 2]);
    assert_eq!(unknown, Err(DecodeError::RowVersion { found: 3 }));
    assert_eq!(MachineRow::decode(&[]), Err(DecodeError::Empty));
}

fn about() -> About {
    About {
        name: "attic".to_owned(),
        os: "Linux".to_owned(),
        program_version: "0.1.0".to_owned(),
        cores: 8,
        seen_wall_ms: 1_700_000_000_000,
    }
}

#[test]
fn other_rows_have_these_bytes() {
    let history = |standing| History {
        attempt: 4,
        failures: 1,
        losses: 2,
        elsewhere: 3,
        refusals: 0,
        standing,
        avoid: vec![MachineId([5; 16])],
        failure: Some(Box::new(failure())),
        attempts: vec![FailedAttempt {
            attempt: 4,
            machine: MachineId([5; 16]),
            kind: failure().kind,
            message: failure().message,
            exit_code: None,
        }],
    };
    let lease = LeaseRow {
        machine: MachineId([6; 16]),
        attempt: 2,
        term: Term(9),
        micros: 75_000,
        granted_wall_ms: 1_700_000_000_000,
    };
    let machine = MachineRow {
        about: about(),
        orders: Orders {
            order: Order::Pause {
                until: Some(Moment(91_000_000)),
            },
            name: Some("studio".to_owned()),
            labels: ["gpu".to_owned()].into(),
        },
    };
    let asking = Spec {
        on: vec![On::Machine(MachineId([9; 16])), On::Label("gpu".to_owned())],
        ..spec(1_000)
    };
    let rows = [
        grown(&asking),
        hex(&lease),
        grown(&machine),
        hex(&history(Standing::Ready)),
        hex(&history(Standing::Delayed { until: Moment(5) })),
        hex(&history(Standing::Failed {
            blobs: Some(vec![Digest([7; 32])]),
        })),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn entries_of_the_registry_have_these_bytes() {
    let person = PersonId([2; 16]);
    let device = |spki, revoked_wall_ms| {
        Entry::Device(Device {
            id: DeviceId([3; 16]),
            spki,
            person,
            roles: Roles::SUBMIT,
            name: "attic".to_owned(),
            os: "Linux".to_owned(),
            joined_wall_ms: 1_700_000_000_000,
            revoked_wall_ms,
        })
    };
    let entries = [
        Entry::Pool(Pool {
            id: PoolId([1; 16]),
            name: "home".to_owned(),
            founder: person,
            founded_wall_ms: 1_700_000_000_000,
        }),
        Entry::Person(Person {
            id: person,
            name: "Ada".to_owned(),
        }),
        device(Some(Spki([4; 32])), None),
        device(None, Some(1_700_000_001_000)),
        Entry::Code(Code {
            id: CodeId([5; 16]),
            expires: Moment(600_000_000),
            attempts_left: 4,
        }),
        Entry::Invite(Invite {
            id: InviteId([6; 16]),
            person,
            unattended: true,
            uses_left: 10,
            expires: Moment(86_400_000_000),
            name: "rack".to_owned(),
            created_wall_ms: 1_700_000_000_000,
            expires_wall_ms: 1_700_086_400_000,
        }),
    ];
    let rows = entries.map(|entry| {
        let value = entry.value();
        let read = Entry::read(entry.key(), &value);
        assert_eq!(read.as_ref(), Ok(&entry), "reads what it wrote");
        let key = HEXLOWER.encode(&entry.key().0);
        format!("{key} {}", HEXLOWER.encode(&value))
    });
    insta::assert_snapshot!(rows.join("\n"));
}
