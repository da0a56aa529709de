//! Cases 28, 30 and 31: modules that a compiler chokes on.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use sandbox::CompileError;

use crate::harness::{Bench, Case, digest};

/// A valid module of so many functions without a loop, each of so many steps.
fn straight(functions: u32, steps: u32) -> Case {
    let mut body = vec![0]; // no locals
    for step in 0..steps {
        body.extend([0x20, 0, 0x42]); // local.get 0, i64.const
        signed(&mut body, i64::from(step) * 0x9e37_79b9 + 1);
        body.extend([0x7e, 0x22, 0]); // i64.mul, local.tee 0
        body.extend([0x20, 0, 0x8a, 0x21, 0]); // local.get 0, i64.rotr, local.set 0
    }
    body.push(0x0b);
    let mut function = Vec::new();
    unsigned(&mut function, body.len() as u64);
    function.extend(body);

    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[1, 0x60, 1, 0x7e, 0]); // (func (param i64))
    let mut types = Vec::new();
    unsigned(&mut types, u64::from(functions));
    types.resize(types.len() + functions as usize, 0);
    section(&mut module, 3, &types);
    section(&mut module, 7, b"\x01\x01f\0\0");
    let mut code = Vec::new();
    unsigned(&mut code, u64::from(functions));
    for _ in 0..functions {
        code.extend(&function);
    }
    section(&mut module, 10, &code);
    let mut case = Case::function("(module)", "f");
    case.module = module.into();
    case
}

fn section(module: &mut Vec<u8>, id: u8, content: &[u8]) {
    module.push(id);
    unsigned(module, content.len() as u64);
    module.extend(content);
}

fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn signed(out: &mut Vec<u8>, mut value: i64) {
    while !(-0x40..0x40).contains(&value) {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8 & 0x7f);
}

/// Many seconds of compiling.
fn endless() -> Case {
    straight(600, 2_000)
}

/// A bench whose executor can be taken away.
struct Removable {
    bench: Bench,
    link: PathBuf,
}

impl Removable {
    fn with(change: impl FnOnce(&mut sandbox::CompileCaps)) -> Removable {
        let mut link = PathBuf::new();
        let bench = Bench::with(|options| {
            link = options.cache_dir.with_file_name("executor");
            std::os::unix::fs::symlink(&options.executor, &link).unwrap();
            options.executor.clone_from(&link);
            change(&mut options.compile);
        });
        Removable { bench, link }
    }

    fn compile(&self, case: &Case) -> Result<sandbox::Prepared, CompileError> {
        let (module, bench) = (case.module.clone(), &self.bench);
        let prepared = bench
            .sandbox
            .prepare(digest(&module), module, &case.profile);
        bench.runtime.block_on(prepared)
    }

    /// Compiles beside a neighbour, and again without any compiler.
    fn compile_twice(&self, case: &Case) -> [CompileError; 2] {
        let first = self.bench.beside(|| self.compile(case).unwrap_err());
        std::fs::remove_file(&self.link).unwrap();
        [first, self.compile(case).unwrap_err()]
    }
}

#[test]
fn case_28_compiling_has_a_limit_of_processor_time() {
    let removable = Removable::with(|caps| caps.cpu_seconds = 1);
    let begun = Instant::now();
    let [first, again] = removable.compile_twice(&endless());
    assert!(begun.elapsed() >= Duration::from_secs(1), "not sooner");
    // Known without another compilation: case 31.
    for error in [first, again] {
        assert!(
            matches!(error, CompileError::TimedOut { seconds: 1 }),
            "{error:?}"
        );
        assert!(error.is_final());
    }
}

#[test]
fn case_28_compiling_has_a_limit_of_memory() {
    for (case, limit) in [
        // Too small for the module's bytes, too small for what one function becomes.
        (endless(), 8 << 20),
        (straight(1, 200_000), 48 << 20),
    ] {
        let removable = Removable::with(|caps| caps.memory_bytes = limit);
        for error in removable.compile_twice(&case) {
            assert!(
                matches!(error, CompileError::OutOfMemory { bytes } if bytes == limit),
                "{error:?}"
            );
            assert!(error.is_final());
        }
    }
}

#[test]
fn a_machine_too_busy_to_compile_is_not_the_modules_fault() {
    let removable = Removable::with(|caps| caps.time = Duration::from_millis(300));
    let [first, again] = removable.compile_twice(&endless());
    assert!(
        matches!(&first, CompileError::Machine { message } if message.contains("busy")),
        "{first:?}"
    );
    assert!(!first.is_final());
    // Tried again, and so it is told that the compiler is not there.
    assert!(
        matches!(&again, CompileError::Machine { message } if !message.contains("busy")),
        "{again:?}"
    );
}
