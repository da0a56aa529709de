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

#[test]
fn case_34_every_truncation_and_any_flip_ends_typed() {
    let bench = Bench::new();
    let whole = binary(SMALL);
    for length in 0..whole.len() {
        drop(inspect(&whole[..length]));
    }
    // Each bit is judged; one in eleven of those that pass is run as well.
    let mut ran = 0;
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let passes = !matches!(inspect(&bytes).verdict, Verdict::Refuse(_));
        if bit % 11 == 0 {
            let mut case = Case::command(SMALL);
            case.module = Bytes::from(bytes);
            let seen = bench
                .runtime
                .block_on(crate::harness::attempt(&bench.sandbox, &case));
            assert!(
                !matches!(&seen, Ok(seen) if matches!(seen.end, sandbox::End::Crashed { .. })),
                "bit {bit}: {seen:?}"
            );
            ran += u32::from(passes && seen.is_ok());
        }
    }
    assert!(ran > 0, "some flips leave a module that runs");
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
