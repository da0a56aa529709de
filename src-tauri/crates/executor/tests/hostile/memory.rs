//! Cases 13, 14 and 16 to 20: memory and tables.

use crate::harness::{Bench, Case};
use sandbox::End;
use sandbox::inspect::{Refusal, Verdict, inspect};

#[test]
fn case_13_memory_grows_to_its_cap_and_no_further() {
    let bench = Bench::new();
    // In one step: refused, and the program may go on.
    let case = Case::command(
        r#"(module (memory (export "memory") 1) (func (export "_start")
             (if (i32.ne (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable))))"#,
    )
    .patient();
    assert!(bench.run(&case).unwrap().end.is_done());
    // Page by page; where it then fails, the limit is told.
    let case = Case::command(
        r#"(module (memory (export "memory") 1) (func (export "_start")
             (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable))"#,
    )
    .patient();
    let seen = bench.run(&case).unwrap();
    assert!(matches!(seen.end, End::MemoryLimit { .. }), "{seen:?}");
    // Exactly to its cap of 256 MiB.
    let case = Case::command(
        r#"(module (memory (export "memory") 1) (func (export "_start")
             (if (i32.eq (memory.grow (i32.const 4095)) (i32.const -1)) (then unreachable))
             (i32.store (i32.const 268435452) (i32.const 1))
             (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))))"#,
    )
    .patient();
    assert!(bench.run(&case).unwrap().end.is_done());
}

#[test]
fn case_14_all_memory_at_once() {
    let case =
        Case::command(r#"(module (memory (export "memory") 65536) (func (export "_start")))"#)
            .patient();
    let seen = Bench::new().run(&case).unwrap();
    assert!(matches!(seen.end, End::MemoryLimit { .. }), "{seen:?}");
}

#[test]
fn cases_16_to_19_features_that_are_off() {
    let bench = Bench::new();
    for text in [
        r#"(module (memory i64 1099511627776) (func (export "_start")))"#,
        r#"(module (memory 1) (memory 1) (func (export "_start")))"#,
        r#"(module (memory 1 2 shared) (func (export "_start")))"#,
        r#"(module (memory 1 2 (pagesize 1)) (func (export "_start")))"#,
    ] {
        let Ok(module) = wat::parse_str(text) else {
            panic!("not a fixture: {text}")
        };
        let card = inspect(&module);
        assert!(
            matches!(&card.verdict, Verdict::Refuse(Refusal { code, .. }) if code.as_str() == "unsupported_feature"),
            "{text}: {:?}",
            card.verdict
        );
        // The compiler refuses it as well, whoever asks.
        let refused = bench.run(&Case::command(text).patient()).unwrap_err();
        assert!(!refused.0.is_empty());
    }
}

#[test]
fn case_20_tables_have_a_cap() {
    let bench = Bench::new();
    let case = Case::command(
        r#"(module (table $t 1 funcref) (func (export "_start")
             (if (i32.ne (table.grow $t (ref.null func) (i32.const 10000000)) (i32.const -1)) (then unreachable))))"#,
    )
    .patient();
    assert!(bench.run(&case).unwrap().end.is_done());
    let case =
        Case::command(r#"(module (table 10000000 funcref) (func (export "_start")))"#).patient();
    let seen = bench.run(&case).unwrap();
    assert!(matches!(seen.end, End::TableLimit { .. }), "{seen:?}");
}
