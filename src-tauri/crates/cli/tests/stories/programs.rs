//! Programs as a stranger might have compiled them, written as text.

/// Prints `hello`.
pub(crate) fn hello() -> String {
    program(
        r#"(data (i32.const 1024) "hello\n")"#,
        "(call $print (i32.const 1) (i32.const 1024) (i32.const 6))",
    )
}

/// Copies its standard input to its standard output.
pub(crate) fn echo() -> String {
    program("", "(call $copy)")
}

/// Prints its arguments, the first one (its own name) too, a line each.
pub(crate) fn arguments() -> String {
    program(
        "",
        "(drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
         (drop (call $args_get (i32.const 4096) (i32.const 65536)))
         (call $lines (i32.load (i32.const 0)))",
    )
}

/// Prints its environment, a line each.
pub(crate) fn environment() -> String {
    program(
        "",
        "(drop (call $environ_sizes_get (i32.const 0) (i32.const 4)))
         (drop (call $environ_get (i32.const 4096) (i32.const 65536)))
         (call $lines (i32.load (i32.const 0)))",
    )
}

/// As [`environment`], then sleeps for as many milliseconds as its first
/// argument says.
pub(crate) fn environment_and_sleep() -> String {
    program(
        "",
        "(drop (call $environ_sizes_get (i32.const 0) (i32.const 4)))
         (drop (call $environ_get (i32.const 4096) (i32.const 65536)))
         (call $lines (i32.load (i32.const 0)))
         (drop (call $args_get (i32.const 4096) (i32.const 65536)))
         (i64.store (i32.const 2000) (i64.const 0))
         (i32.store8 (i32.const 2008) (i32.const 0))
         (i32.store (i32.const 2016) (i32.const 1))
         (i64.store (i32.const 2024) (i64.mul (i64.extend_i32_u (call $number (i32.load (i32.const 4100)))) (i64.const 1000000)))
         (i64.store (i32.const 2032) (i64.const 0))
         (i32.store16 (i32.const 2040) (i32.const 0))
         (drop (call $poll_oneoff (i32.const 2000) (i32.const 2104) (i32.const 1) (i32.const 2200)))",
    )
}

/// Ends with the exit code that its first argument names.
pub(crate) fn exit() -> String {
    program(
        "",
        "(drop (call $args_get (i32.const 4096) (i32.const 65536)))
         (call $proc_exit (call $number (i32.load (i32.const 4100))))",
    )
}

/// Writes a line to its standard error, then traps.
pub(crate) fn trap() -> String {
    program(
        r#"(data (i32.const 1024) "about to fail\n")"#,
        "(call $print (i32.const 2) (i32.const 1024) (i32.const 14)) unreachable",
    )
}

/// Never ends.
pub(crate) fn spin() -> String {
    program("", "(loop $again (br $again))")
}

/// Prints `x` for ever.
pub(crate) fn flood() -> String {
    program(
        r#"(data (i32.const 1024) "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")"#,
        "(loop $again (call $print (i32.const 1) (i32.const 1024) (i32.const 32)) (br $again))",
    )
}

/// Sleeps for as many milliseconds as its first argument says, then prints
/// the task's index (its second argument) on a line.
pub(crate) fn sleep() -> String {
    sleep_then("")
}

fn sleep_then(more: &str) -> String {
    program(
        r#"(data (i32.const 1024) "\n")"#,
        &format!(
            "(local $word i32)
         (drop (call $args_get (i32.const 4096) (i32.const 65536)))
         (i64.store (i32.const 2000) (i64.const 0))
         (i32.store8 (i32.const 2008) (i32.const 0))
         (i32.store (i32.const 2016) (i32.const 1))
         (i64.store (i32.const 2024) (i64.mul (i64.extend_i32_u (call $number (i32.load (i32.const 4100)))) (i64.const 1000000)))
         (i64.store (i32.const 2032) (i64.const 0))
         (i32.store16 (i32.const 2040) (i32.const 0))
         (drop (call $poll_oneoff (i32.const 2000) (i32.const 2104) (i32.const 1) (i32.const 2200)))
         (local.set $word (i32.load (i32.const 4104)))
         (call $print (i32.const 1) (local.get $word) (call $length (local.get $word)))
         (call $print (i32.const 1) (i32.const 1024) (i32.const 1))
         {more}"
        ),
    )
}

/// Counts as many millions as its first argument says, then prints the task's
/// index (its second argument) on a line.
pub(crate) fn count() -> String {
    program(
        r#"(data (i32.const 1024) "\n")"#,
        "(local $word i32) (local $left i64)
         (drop (call $args_get (i32.const 4096) (i32.const 65536)))
         (local.set $left (i64.mul (i64.extend_i32_u (call $number (i32.load (i32.const 4100)))) (i64.const 1000000)))
         (loop $more
           (local.set $left (i64.sub (local.get $left) (i64.const 1)))
           (br_if $more (i64.gt_s (local.get $left) (i64.const 0))))
         (local.set $word (i32.load (i32.const 4104)))
         (call $print (i32.const 1) (local.get $word) (call $length (local.get $word)))
         (call $print (i32.const 1) (i32.const 1024) (i32.const 1))",
    )
}

/// As [`sleep`], with 16 KiB of zeros after the line.
pub(crate) fn sleep_and_fill() -> String {
    sleep_then("(call $print (i32.const 1) (i32.const 262144) (i32.const 16384))")
}

/// Copies the file `/in/NAME` to `/out/copy`.
pub(crate) fn copy_file(name: &str) -> String {
    program(
        &format!(r#"(data (i32.const 1024) "{name}") (data (i32.const 1200) "copy")"#),
        &format!(
            "(local $in i32) (local $out i32) (local $n i32)
             (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const {length}) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 2000)) (then unreachable))
             (local.set $in (i32.load (i32.const 2000)))
             (if (call $path_open (i32.const 4) (i32.const 0) (i32.const 1200) (i32.const 4) (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 2000)) (then unreachable))
             (local.set $out (i32.load (i32.const 2000)))
             (loop $more
               (i32.store (i32.const 2100) (i32.const 131072)) (i32.store (i32.const 2104) (i32.const 65536))
               (if (call $fd_read (local.get $in) (i32.const 2100) (i32.const 1) (i32.const 2112)) (then unreachable))
               (local.set $n (i32.load (i32.const 2112)))
               (if (local.get $n) (then (call $print (local.get $out) (i32.const 131072) (local.get $n)) (br $more))))",
            length = name.len()
        ),
    )
}

/// `square(i64) -> i64`, and more functions with numbers.
pub(crate) fn functions() -> String {
    r#"(module
        (func (export "square") (param i64) (result i64) (i64.mul (local.get 0) (local.get 0)))
        (func (export "scale") (param f64 i32) (result f64) (f64.mul (local.get 0) (f64.convert_i32_s (local.get 1))))
        (func (export "both") (param i32) (result i32 i32) (local.get 0) (i32.mul (local.get 0) (i32.const 2)))
        (func (export "divide") (param i32) (result i32) (i32.div_u (i32.const 100) (local.get 0))))"#
        .to_owned()
}

/// A bytes function: every input byte plus one.
pub(crate) fn bytes() -> String {
    r#"(module (memory (export "memory") 2)
        (func (export "skep_alloc") (param i32) (result i32) (i32.const 1024))
        (func (export "skep_run") (param $at i32) (param $n i32) (result i64) (local $i i32)
          (block $done (loop $more
            (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
            (i32.store8 (i32.add (local.get $at) (local.get $i)) (i32.add (i32.load8_u (i32.add (local.get $at) (local.get $i))) (i32.const 1)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br $more)))
          (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.extend_i32_u (local.get $n)))))"#
        .to_owned()
}

/// A WASI program with a few words of its own: `$print fd at n`, `$copy`,
/// `$length at`, `$number at`, `$lines count` (of the table at 4096).
fn program(data: &str, start: &str) -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 8)
  (data (i32.const 900) "\n")
  {data}
  (func $print (param $fd i32) (param $at i32) (param $n i32)
    (loop $more
      (i32.store (i32.const 800) (local.get $at)) (i32.store (i32.const 804) (local.get $n))
      (if (call $fd_write (local.get $fd) (i32.const 800) (i32.const 1) (i32.const 808)) (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 808))))
      (local.set $n (i32.sub (local.get $n) (i32.load (i32.const 808))))
      (br_if $more (local.get $n))))
  (func $copy (local $n i32)
    (loop $more
      (i32.store (i32.const 820) (i32.const 131072)) (i32.store (i32.const 824) (i32.const 65536))
      (if (call $fd_read (i32.const 0) (i32.const 820) (i32.const 1) (i32.const 828)) (then unreachable))
      (local.set $n (i32.load (i32.const 828)))
      (if (local.get $n) (then (call $print (i32.const 1) (i32.const 131072) (local.get $n)) (br $more)))))
  (func $length (param $at i32) (result i32) (local $n i32)
    (block $done (loop $more
      (br_if $done (i32.eqz (i32.load8_u (i32.add (local.get $at) (local.get $n)))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $more)))
    (local.get $n))
  (func $number (param $at i32) (result i32) (local $value i32)
    (block $done (loop $more
      (br_if $done (i32.eqz (i32.load8_u (local.get $at))))
      (local.set $value (i32.add (i32.mul (local.get $value) (i32.const 10)) (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $more)))
    (local.get $value))
  (func $lines (param $count i32) (local $i i32) (local $at i32)
    (block $done (loop $more
      (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
      (local.set $at (i32.load (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4)))))
      (call $print (i32.const 1) (local.get $at) (call $length (local.get $at)))
      (call $print (i32.const 1) (i32.const 900) (i32.const 1))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $more))))
  (func (export "_start") {start}))"#
    )
}

#[test]
fn every_program_is_valid() {
    for text in [
        hello(),
        echo(),
        arguments(),
        environment(),
        exit(),
        trap(),
        spin(),
        flood(),
        sleep(),
        sleep_and_fill(),
        copy_file("a.txt"),
        functions(),
        bytes(),
    ] {
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
}
