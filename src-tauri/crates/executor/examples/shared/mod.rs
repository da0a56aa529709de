//! What the benches of executors and of a whole pool have in common: the
//! modules they run, and the line that `cargo xtask bench` reads.

pub(crate) const NOTHING: &str =
    r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
pub(crate) const HELLO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 16) "hello\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;
pub(crate) const SQUARE: &str = r#"(module (func (export "square") (param i64) (result i64) (i64.mul (local.get 0) (local.get 0))))"#;

/// Prints one measurement as a line of JSON: the median of the rounds, and how
/// far they lie apart.
pub(crate) fn report(name: &str, unit: &str, mut rounds: Vec<f64>, floor: Option<f64>, note: &str) {
    rounds.sort_by(f64::total_cmp);
    let floor = floor
        .map(|floor| format!(",\"floor\":{floor}"))
        .unwrap_or_default();
    println!(
        "{{\"name\":\"{name}\",\"unit\":\"{unit}\",\"median\":{:.4},\"min\":{:.4},\"max\":{:.4},\"runs\":{}{floor},\"note\":\"{note}\"}}",
        rounds[rounds.len() / 2],
        rounds[0],
        rounds[rounds.len() - 1],
        rounds.len()
    );
}
