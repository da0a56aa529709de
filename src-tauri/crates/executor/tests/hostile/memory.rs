//! Cases 13 to 24: memory, tables and features that are off.

use crate::harness::{Bench, Case, peak_bytes, watch};
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
    let bench = Bench::new();
    let peak = bench.beside(|| {
        bench.runtime.block_on(async {
            let mut executor = bench.begin(&case).await;
            let seen = watch(&mut executor).await;
            assert!(matches!(seen.end, End::MemoryLimit { .. }), "{seen:?}");
            peak_bytes(executor.pid())
        })
    });
    assert!(peak < EXECUTOR_BYTES_MAX, "it had {peak} bytes resident");
}

/// What an executor has resident beside its guest's memory, its own binary
/// included; a build for development takes most of it.
const EXECUTOR_BYTES_MAX: u64 = 128 << 20;

#[test]
fn case_15_every_page_up_to_the_cap_several_times() {
    const CAP: u64 = 64 << 20;
    let mut case = Case::command(
        r#"(module (memory (export "memory") 1) (func (export "_start")
             (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
             (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536)))))"#,
    )
    .patient();
    case.profile.memory_bytes = CAP;
    let bench = Bench::new();
    bench.beside(|| {
        bench.runtime.block_on(async {
            let mut executors = Vec::new();
            for _ in 0..3 {
                executors.push(bench.begin(&case).await);
            }
            for executor in &mut executors {
                let seen = watch(executor).await;
                assert!(seen.end.is_done(), "{seen:?}");
                let peak = peak_bytes(executor.pid());
                assert!(
                    (CAP..CAP + EXECUTOR_BYTES_MAX).contains(&peak),
                    "{peak} bytes resident"
                );
            }
        });
    });
}

#[test]
fn cases_16_to_19_and_22_features_that_are_off() {
    let bench = Bench::new();
    for text in [
        r#"(module (memory i64 1099511627776) (func (export "_start")))"#,
        r#"(module (memory 1) (memory 1) (func (export "_start")))"#,
        r#"(module (memory 1 2 shared) (func (export "_start")))"#,
        r#"(module (memory 1 2 (pagesize 1)) (func (export "_start")))"#,
        r#"(module (import "env" "memory" (memory 1 2 shared)) (func (export "_start")))"#,
        r#"(module (memory 1) (func (export "_start") (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))))"#,
        // Case 22.
        r#"(module (type $box (struct (field i32))) (func (export "_start") (loop $l (drop (struct.new $box (i32.const 1))) (br $l))))"#,
        r#"(module (tag $t) (func (export "_start") (loop $l (block $h (try_table (catch_all $h) (throw $t))) (br $l))))"#,
        r#"(module (type $f (func)) (func $g) (elem declare func $g) (func (export "_start") (call_ref $f (ref.func $g))))"#,
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

/// A program with so many tables.
fn tables(count: usize) -> Case {
    let tables = "(table 1 funcref)".repeat(count);
    Case::command(&format!("(module {tables} (func (export \"_start\")))")).patient()
}

#[test]
fn case_21_few_tables_are_enough() {
    let bench = Bench::new();
    assert!(bench.run(&tables(4)).unwrap().end.is_done());
    for count in [5, 100] {
        let seen = bench.run(&tables(count)).unwrap();
        assert!(
            matches!(seen.end, End::TableLimit { .. }),
            "{count}: {seen:?}"
        );
    }
    let case = tables(101);
    assert!(matches!(
        inspect(&case.module).verdict,
        Verdict::Refuse(Refusal { code, .. }) if code.as_str() == "module_invalid"
    ));
    bench.run(&case).unwrap_err();
}

#[test]
fn case_23_data_segments_outside_memory_and_too_many() {
    let bench = Bench::new();
    let outside = r#"(module (memory 1) (data (i32.const 65536) "x") (func (export "_start")))"#;
    let seen = bench.run(&Case::command(outside).patient()).unwrap();
    seen.traps("out of bounds");
    let segments = |count: usize| {
        let data = "(data (i32.const 0) \"x\")".repeat(count);
        Case::command(&format!(
            "(module (memory 1) {data} (func (export \"_start\")))"
        ))
        .patient()
    };
    // The compiler has a limit of its own below what is valid; either answer is typed.
    if let Ok(seen) = bench.run(&segments(40_000)) {
        assert!(seen.end.is_done(), "{seen:?}");
    }
    let case = segments(100_001);
    assert!(matches!(
        inspect(&case.module).verdict,
        Verdict::Refuse(Refusal { code, .. }) if code.as_str() == "module_invalid"
    ));
    bench.run(&case).unwrap_err();
}

#[test]
fn case_24_an_element_segment_outside_its_table() {
    let text = r#"(module (table 1 funcref) (elem (i32.const 1) $f) (func $f (export "_start")))"#;
    let seen = Bench::new().run(&Case::command(text).patient()).unwrap();
    seen.traps("out of bounds");
}
