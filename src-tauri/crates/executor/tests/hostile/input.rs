//! Cases 25, 34 and 58: files that are no modules, or not any more.

use crate::harness::{Bench, Case, binary};
use bytes::Bytes;
use sandbox::inspect::{Verdict, inspect};

const SMALL: &str = r#"(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (data (i32.const 8) "\2a")
  (func (export "_start") (call $exit (i32.load8_u (i32.const 8)))))"#;

#[track_caller]
fn refused(bytes: &[u8]) -> String {
    match inspect(bytes).verdict {
        Verdict::Refuse(refusal) => refusal.code.as_str().to_owned(),
        runs @ (Verdict::Run | Verdict::RunFunctions) => panic!("not refused: {runs:?}"),
    }
}

#[test]
fn case_25_a_module_beyond_the_cap_is_refused_by_its_size() {
    let bench = Bench::new();
    let mut bytes = binary(SMALL).to_vec();
    bytes.resize(
        usize::try_from(sandbox::limits::MODULE_BYTES_MAX).unwrap() + 1,
        0,
    );
    assert_eq!(refused(&bytes), "module_too_large");
    let mut case = Case::command(SMALL).patient();
    case.module = Bytes::from(bytes);
    assert!(bench.prepare(&case).is_err());
}

/// Judges these bytes, has them compiled and run, whatever the judgement is.
/// Answers whether they ran.
#[track_caller]
fn tried(bench: &Bench, bytes: Vec<u8>, what: &str) -> bool {
    drop(inspect(&bytes));
    let mut case = Case::command(SMALL);
    case.module = Bytes::from(bytes);
    let seen = bench
        .runtime
        .block_on(crate::harness::attempt(&bench.sandbox, &case));
    assert!(
        !matches!(&seen, Ok(seen) if matches!(seen.end, sandbox::End::Crashed { .. })),
        "{what}: {seen:?}"
    );
    seen.is_ok()
}

#[test]
fn case_34_every_truncation_and_every_flip_ends_typed() {
    let bench = Bench::new();
    let whole = binary(SMALL).to_vec();
    bench.beside(|| {
        for length in 0..whole.len() {
            tried(&bench, whole[..length].to_vec(), &format!("{length} bytes"));
        }
        let flips = (0..whole.len() * 8).filter(|bit| {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            tried(&bench, bytes, &format!("bit {bit}"))
        });
        assert!(flips.count() > 0, "some flips leave a module that runs");
    });
}

#[test]
fn case_34_random_bytes_are_no_module() {
    let bench = Bench::new();
    let mut state = 34u64;
    let mut random = |count: usize| -> Vec<u8> {
        let next = |_| {
            // xorshift: any bytes will do, as long as they are the same each time.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..count).map(next).collect()
    };
    bench.beside(|| {
        for length in 0..200 {
            let bytes = random(length * 7);
            assert!(!tried(&bench, bytes.clone(), "random bytes"));
            // As the body of a module, so that more than its header is read.
            let mut module = b"\0asm\x01\0\0\0".to_vec();
            module.extend(bytes);
            tried(&bench, module, "a random body");
        }
    });
}

#[test]
fn case_58_machine_code_is_never_taken() {
    let bench = Bench::new();
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.resize(4096, 0);
    assert_eq!(refused(&elf), "precompiled");
    let mut case = Case::command(SMALL).patient();
    case.module = Bytes::from(elf);
    assert!(bench.prepare(&case).is_err());
    // Nor the compiled form of a module that is fine: take it from our own cache.
    let case = Case::command(SMALL).patient();
    bench.prepare(&case).unwrap();
    let entry = crate::cache::entries(&bench).remove(0);
    let mut compiled = Case::command(SMALL).patient();
    compiled.module = Bytes::from(std::fs::read(entry).unwrap());
    assert_eq!(refused(&compiled.module), "precompiled");
    assert!(bench.prepare(&compiled).is_err());
}
