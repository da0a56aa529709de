//! Case 35, for sockets: toolchains import them whether a program uses them or
//! not, so a component that does may run, and every socket it asks for is
//! refused before the system hears of it.

use sandbox::inspect::{Verdict, inspect};

use crate::harness::{Bench, Case};

/// `access-denied` and `permanent-resolver-failure` of `wasi:sockets`.
const ACCESS_DENIED: u8 = 1;
const RESOLVER_FAILURE: u8 = 20;

/// The interfaces with what makes their resources; each answer goes to memory
/// as its first byte (0 is a success) and its error four bytes later.
const SOCKETS: &str = r#"(component
  (type $error-code' (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
    "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable"
    "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted"
    "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
  (import "wasi:sockets/network@0.2.0" (instance $network
    (export "network" (type (sub resource)))
    (alias outer 1 $error-code' (type $e))
    (export "error-code" (type (eq $e)))
    (type $family' (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $family')))))
  (alias export $network "network" (type $net))
  (alias export $network "error-code" (type $error))
  (alias export $network "ip-address-family" (type $family))
  (import "wasi:sockets/instance-network@0.2.0" (instance $instance-network
    (alias outer 1 $net (type $n))
    (export "network" (type $network (eq $n)))
    (export "instance-network" (func (result (own $network))))))
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $tcp-create
    (alias outer 1 $error (type $e)) (export "error-code" (type $error (eq $e)))
    (alias outer 1 $family (type $f)) (export "ip-address-family" (type $family (eq $f)))
    (alias outer 1 $tcp-socket (type $s)) (export "tcp-socket" (type $socket (eq $s)))
    (export "create-tcp-socket" (func (param "address-family" $family) (result (result (own $socket) (error $error)))))))
  (import "wasi:sockets/udp@0.2.0" (instance $udp (export "udp-socket" (type (sub resource)))))
  (alias export $udp "udp-socket" (type $udp-socket))
  (import "wasi:sockets/udp-create-socket@0.2.0" (instance $udp-create
    (alias outer 1 $error (type $e)) (export "error-code" (type $error (eq $e)))
    (alias outer 1 $family (type $f)) (export "ip-address-family" (type $family (eq $f)))
    (alias outer 1 $udp-socket (type $s)) (export "udp-socket" (type $socket (eq $s)))
    (export "create-udp-socket" (func (param "address-family" $family) (result (result (own $socket) (error $error)))))))
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $lookup
    (alias outer 1 $net (type $n)) (export "network" (type $network (eq $n)))
    (alias outer 1 $error (type $e)) (export "error-code" (type $error (eq $e)))
    (export "resolve-address-stream" (type $stream (sub resource)))
    (export "resolve-addresses" (func (param "network" (borrow $network)) (param "name" string)
      (result (result (own $stream) (error $error)))))))
  (core module $memory (memory (export "memory") 1) (data (i32.const 512) "localhost"))
  (core instance $mem (instantiate $memory))
  (alias core export $mem "memory" (core memory $m))
  (core func $network' (canon lower (func $instance-network "instance-network")))
  (core func $tcp' (canon lower (func $tcp-create "create-tcp-socket") (memory $m)))
  (core func $udp' (canon lower (func $udp-create "create-udp-socket") (memory $m)))
  (core func $lookup' (canon lower (func $lookup "resolve-addresses") (memory $m)))
  (core module $main
    (import "w" "memory" (memory 1))
    (import "w" "network" (func $network (result i32)))
    (import "w" "tcp" (func $tcp (param i32 i32)))
    (import "w" "udp" (func $udp (param i32 i32)))
    (import "w" "lookup" (func $lookup (param i32 i32 i32 i32)))
    ;; traps where the answer at this place is not this error
    (func $refused (param $at i32) (param $error i32)
      (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 1)) (then unreachable))
      (if (i32.ne (i32.load8_u offset=4 (local.get $at)) (local.get $error)) (then unreachable)))
    (func (export "run") (result i32)
      BODY
      (i32.const 0)))
  (core instance $i (instantiate $main (with "w" (instance
    (export "memory" (memory $m)) (export "network" (func $network')) (export "tcp" (func $tcp'))
    (export "udp" (func $udp')) (export "lookup" (func $lookup'))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"#;

#[test]
fn case_35_a_component_may_import_sockets_and_gets_none() {
    let bench = Bench::new();
    for (body, error) in [
        ("(call $tcp (i32.const 0) (i32.const 64))", ACCESS_DENIED),
        ("(call $tcp (i32.const 1) (i32.const 64))", ACCESS_DENIED),
        ("(call $udp (i32.const 0) (i32.const 64))", ACCESS_DENIED),
        ("(call $udp (i32.const 1) (i32.const 64))", ACCESS_DENIED),
        (
            "(call $lookup (call $network) (i32.const 512) (i32.const 9) (i32.const 64))",
            RESOLVER_FAILURE,
        ),
    ] {
        let body = format!("{body} (call $refused (i32.const 64) (i32.const {error}))");
        let case = Case::component(&SOCKETS.replace("BODY", &body)).patient();
        let card = inspect(&case.module);
        assert!(matches!(card.verdict, Verdict::Run), "{:?}", card.verdict);
        let warned = card.warnings.iter().any(|text| text.contains("network"));
        assert!(warned, "{:?}", card.warnings);
        let seen = bench.run(&case).unwrap();
        assert!(seen.end.is_done(), "{body}: {seen:?}");
    }
}

#[test]
fn case_35_a_program_of_preview_1_has_no_socket_to_use() {
    // What it could call takes a socket that nobody gave it: neither a number
    // that is nothing, nor standard input is one.
    let bench = Bench::new();
    for (import, call) in [
        (
            "\"sock_accept\" (func $f (param i32 i32 i32) (result i32))",
            "(i32.const 0) (i32.const 8)",
        ),
        (
            "\"sock_recv\" (func $f (param i32 i32 i32 i32 i32 i32) (result i32))",
            "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 16)",
        ),
        (
            "\"sock_send\" (func $f (param i32 i32 i32 i32 i32) (result i32))",
            "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8)",
        ),
        (
            "\"sock_shutdown\" (func $f (param i32 i32) (result i32))",
            "(i32.const 1)",
        ),
    ] {
        for descriptor in [0, 3] {
            let text = format!(
                r#"(module (import "wasi_snapshot_preview1" {import}) (memory (export "memory") 1)
                     (func (export "_start") (if (i32.eqz (call $f (i32.const {descriptor}) {call})) (then unreachable))))"#
            );
            let seen = bench.run(&Case::command(&text).patient()).unwrap();
            assert!(seen.end.is_done(), "{import} on {descriptor}: {seen:?}");
        }
    }
}
